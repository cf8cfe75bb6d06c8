"""What the desktop app takes: time, memory and processor, by the kernel's books (proc(5)).

Run by `cargo xtask bench --only app` in a session bus and a screen of its own:
    dbus-run-session -- xvfb-run python3 tests/desktop/measure.py FOLDER_OF_THE_PROGRAMS SYNTHETIC PAGES
Prints rows as JSON: what, value, compares.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from desktop import Desktop
from watcher import Panel

SYNTHETIC, PAGES = sys.argv[2:4]
# How long an app is watched to which nothing happens, and how long it may take to come to rest.
REST_SECS = 20
SETTLE_SECS = 8
TICKS = os.sysconf("SC_CLK_TCK")
LIVE = "return document.querySelector('[aria-label=\\'This machine\\']')?.innerText.includes('\\n') ?? false"
PICTURE = "return document.querySelector('[data-machine]') !== null"

rows = []


def row(what, value, compares):
    rows.append({"what": what, "value": value, "compares": compares})
    print(f"{what}: {value} ({compares})", file=sys.stderr)


@contextlib.contextmanager
def made_up_grid(*size):
    """A made-up grid behind a real door; yields its data folder and its large job."""
    with tempfile.TemporaryDirectory(prefix="gridwell-measure-") as data:
        words = [SYNTHETIC, "--data", data, "--pages", PAGES, *size]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as grid:
            try:
                grid.stdout.readline()
                yield Path(data), grid.stdout.readline().strip()
            finally:
                grid.terminate()


def own_processes(desktop):
    """Of the app, without the driver that starts it."""
    for process in desktop.processes():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process}/exe").readlink().name != "WebKitWebDriver":
                yield process


def memory_mb(desktop):
    return pss_mb(own_processes(desktop))


def pss_mb(processes):
    total = 0
    for process in processes:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])
    return total * 1024 / 1e6


def processor_secs(desktop):
    ticks = 0
    for process in own_processes(desktop):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def share(desktop):
    """Of a core, in percent, while nothing happens."""
    time.sleep(SETTLE_SECS)
    before = processor_secs(desktop)
    time.sleep(REST_SECS)
    return (processor_secs(desktop) - before) / REST_SECS * 100


def started_ago(desktop):
    """Seconds since the app itself was started."""
    for process in own_processes(desktop):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process}/exe").readlink().name == "gridwell-desktop":
                ticks = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
                return float(Path("/proc/uptime").read_text().split()[0]) - ticks / TICKS
    raise AssertionError("the app does not run")


BARE = """
#include <webkit2/webkit2.h>
int main(int count, char **words) {
    gtk_init(&count, &words);
    if (webkit_web_view_get_type() != 0 && count > 1) {
        GtkWidget *window = gtk_window_new(GTK_WINDOW_TOPLEVEL), *page = webkit_web_view_new();
        WebKitSettings *settings = webkit_web_view_get_settings(WEBKIT_WEB_VIEW(page));
        webkit_settings_set_hardware_acceleration_policy(settings, WEBKIT_HARDWARE_ACCELERATION_POLICY_NEVER);
        gtk_window_set_default_size(GTK_WINDOW(window), 1280, 800);
        gtk_container_add(GTK_CONTAINER(window), page);
        webkit_web_view_load_html(WEBKIT_WEB_VIEW(page), words[1], NULL);
        gtk_widget_show_all(window);
    }
    gtk_main();
}
"""


def bare():
    """The floor: a program that starts the same toolkits and does nothing else."""
    with tempfile.TemporaryDirectory(prefix="gridwell-measure-") as folder:
        source, program = Path(folder, "bare.c"), Path(folder, "bare")
        source.write_text(BARE)
        found = subprocess.run(["pkg-config", "--cflags", "--libs", "webkit2gtk-4.1"], check=True, capture_output=True, text=True)
        subprocess.run(["cc", "-O2", source, "-o", program, *found.stdout.split()], check=True)
        for what, words in [("without a window", []), ("with a window of one word", ["hello"])]:
            # Like the app, by what only its processes have in their environment.
            desktop = Desktop(None)
            environment = dict(desktop.environment, GDK_GL="disable")
            with subprocess.Popen([program, *words], env=environment) as process:
                time.sleep(SETTLE_SECS)
                used = pss_mb(desktop.processes())
                row(f"a bare program with GTK and WebKit, {what}: memory, PSS", f"{used:.0f} MB", "the floor")
                process.terminate()


def tray(panel):
    known = len(panel.icons)
    desktop = Desktop(panel, words=["--hidden"]).start()
    desktop.icon(known)
    used = share(desktop)
    row("in the tray, node included: processor", f"{used:.2f} % of a core", "bar: 0.1 %")
    row("in the tray, node included: memory, PSS", f"{memory_mb(desktop):.0f} MB", "bar: 40 MB")
    desktop.stop()


def window(panel, size, bar, job):
    what = f"window of {size[1]} machines"
    with made_up_grid(*size) as (data, large):
        desktop = Desktop(panel, data=data).drive()
        desktop.until("live data", lambda: desktop.driver.run(LIVE))
        row(f"{what}: from the start to live data", f"{started_ago(desktop) * 1000:.0f} ms", "bar: 3,000 ms on two cores without a graphics card")
        desktop.driver.run("location.assign('#/grid')")
        desktop.until("the picture", lambda: desktop.driver.run(PICTURE))
        # Elsewhere than at the picture, where dots move while machines work.
        desktop.driver.run("location.assign('#/machines')")
        row(f"{what}: processor while nothing happens", f"{share(desktop):.1f} % of a core", "bar: 1 %")
        if job:
            desktop.driver.run(f"location.assign('#/jobs/{large}/tasks')")
            desktop.until("the tasks", lambda: desktop.driver.run("return document.querySelector('[role=tabpanel] [role=gridcell]') !== null"))
            time.sleep(SETTLE_SECS)
            what += ", a job of 100,000 tasks open"
        row(f"{what}: memory, PSS", f"{memory_mb(desktop):.0f} MB", f"bar: {bar} MB")
        desktop.end()


def main():
    panel = Panel()
    bare()
    tray(panel)
    window(panel, ["--machines", "20", "--links", "60", "--jobs", "20"], 280, job=False)
    window(panel, ["--machines", "500"], 400, job=True)
    print(json.dumps(rows))


main()
