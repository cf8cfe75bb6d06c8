"""The real desktop app under Xvfb: window, tray, second start, drops, quitting.

Run by `cargo xtask test` in a session bus and a screen of its own:
    dbus-run-session -- xvfb-run python3 tests/desktop/desktop.py FOLDER_OF_THE_PROGRAMS
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from driver import Driver
from watcher import Panel

PROGRAMS = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("target/debug")
# Only a failure takes this long.
PATIENCE = 90.0


class Desktop:
    """One start of the app with a data folder of its own."""

    def __init__(self, panel, data=None, words=()):
        self.panel = panel
        self.data = data or Path(tempfile.mkdtemp(prefix="gridwell-desktop-"))
        self.environment = dict(os.environ, GRIDWELL_DATA=str(self.data), NO_AT_BRIDGE="1")
        self.app = None
        self.driver = None
        self.words = list(words)

    def start(self):
        self.app = subprocess.Popen([PROGRAMS / "gridwell-desktop", *self.words], env=self.environment)
        return self

    def drive(self):
        """Starts the app under WebKitWebDriver."""
        self.driver = Driver(PROGRAMS / "gridwell-desktop", self.words, self.environment)
        return self

    def again(self, *words):
        """A second start; it ends at once."""
        return subprocess.run([PROGRAMS / "gridwell-desktop", *words], env=self.environment, timeout=PATIENCE).returncode

    def cli(self, *words):
        return gridwell(self.data, *words)

    def until(self, what, look):
        end = time.monotonic() + PATIENCE
        while True:
            seen = look()
            if seen:
                return seen
            if time.monotonic() > end:
                subprocess.run(["import", "-window", "root", "/tmp/gridwell-desktop-failure.png"])
                log = self.data / "desktop.log"
                raise AssertionError(f"in vain waited for {what}\n{log.read_text() if log.exists() else ''}")
            time.sleep(0.05)

    def windows(self):
        return search("^Gridwell$")

    def icon(self, known):
        """Waits for a tray icon beyond the known ones that shows a state."""
        self.until("the icon", lambda: len(self.panel.icons) > known)
        self.until("the state in the menu", lambda: "Ready" in self.panel.menu())

    def told(self, title):
        """Waits for a notification with this title."""
        found = lambda: [one for one in self.panel.notifications if one["title"] == title]
        return self.until(f"the notification '{title}'", found)[-1]

    def close(self):
        """Closes the window as a window manager does it."""
        [window] = self.until("the window", self.windows)
        subprocess.run(["xdotool", "windowactivate", "--sync", window, "key", "--clearmodifiers", "alt+F4"], check=True)

    def press(self, label):
        """Presses a button of the page. The window may go with it, and then nobody answers."""
        self.until(f"the button '{label}'", lambda: label in self.buttons())
        with contextlib.suppress(urllib.error.HTTPError):
            self.driver.run(
                """const named = one => one.textContent.trim() === arguments[0];
                [...document.querySelectorAll("button")].find(named).click();""",
                label,
            )

    def buttons(self):
        return self.driver.run("return [...document.querySelectorAll('button')].map(one => one.textContent.trim())")

    def focused(self):
        return self.driver.run("return document.activeElement?.textContent?.trim()")

    def runs(self):
        """Whether the app itself runs, whoever started it."""
        for process in self.processes():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{process}/exe").readlink().name == "gridwell-desktop":
                    return True
        return False

    def processes(self):
        """The app's processes and its driver's, by the data folder in their environment."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environment = (process / "environ").read_bytes().split(b"\0")
                if f"GRIDWELL_DATA={self.data}".encode() in environment:
                    found.append(int(process.name))
        return found

    def stop(self):
        self.end()
        shutil.rmtree(self.data, ignore_errors=True)

    def end(self):
        """Ends the app; its data stays."""
        if self.driver:
            self.driver.close()
            self.driver = None
        if self.app and self.app.poll() is None:
            self.app.terminate()
            try:
                self.app.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.app.kill()
        # What a driver started or lost, or what is still known on the bus, would answer every later start.
        end = time.monotonic() + PATIENCE
        while (mine := self.processes()) or self.panel.knows("SingleInstance"):
            for process in mine:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            assert time.monotonic() < end, f"{mine} do not end"
            time.sleep(0.05)


def the_window_shows_what_the_node_says(desktop):
    desktop.drive()
    page = desktop.driver
    name = desktop.until("the node's name in the page", lambda: (desktop.cli("status") or {}).get("name"))
    desktop.until("the machine in the page", lambda: name in page.run("return document.body.innerText"))
    assert page.run("return typeof window.__TAURI__") == "undefined", "the page has no global objects"
    refused = page.run(
        "try { new Function('return 1')(); return 'ran' } catch (error) { return error.name }"
    )
    assert refused == "EvalError", f"the policy lets the page make code: {refused}"
    assert page.run("return document.querySelectorAll('main').length") == 1
    page.run("location.assign('#/grid')")
    desktop.until("the picture of the grid", lambda: page.run("return document.querySelector('[data-machine]') !== null"))


def closing_keeps_lending_and_a_second_start_reopens(desktop):
    desktop.start()
    desktop.until("the window", desktop.windows)
    desktop.until("the node", lambda: desktop.cli("status"))
    desktop.close()
    desktop.until("the window to be gone", lambda: not desktop.windows())
    assert desktop.app.poll() is None, "closing the window ended the app"
    assert desktop.cli("status")["accepts"], "closing the window ended lending"
    assert desktop.again() == 0
    desktop.until("the window again", desktop.windows)
    assert desktop.app.poll() is None


def the_tray_tells_and_pauses(desktop):
    known = len(desktop.panel.icons)
    desktop.start()
    panel = desktop.panel
    desktop.icon(known)
    for label in ["Open Gridwell", "Pause for 1 hour", "Pause until tomorrow", "Finish current tasks", "Settings", "Quit"]:
        assert any(text.startswith(label) for text in panel.menu()), f"{label} is not in {panel.menu()}"
    numbers = {number for number, _ in panel.menu().values()}
    panel.click("Finish current tasks")
    desktop.until("the node to pause", lambda: not desktop.cli("status")["accepts"])
    desktop.until("the pause in the menu", lambda: "Paused" in panel.menu() and "Resume" in panel.menu())
    assert numbers == {number for number, _ in panel.menu().values()}, "the menu was rebuilt"
    panel.click("Resume")
    desktop.until("the node to resume", lambda: desktop.cli("status")["accepts"])


def a_pause_counts_down_survives_a_restart_and_ends_by_itself(desktop):
    known = len(desktop.panel.icons)
    desktop.drive()
    panel = desktop.panel
    desktop.icon(known)
    panel.click("Pause for 1 hour")
    until = desktop.until("the node to pause", lambda: this(desktop)["paused_until"])
    desktop.until("the countdown in the menu", lambda: "Resume (1 h left)" in panel.menu())
    desktop.until("the countdown in the window", lambda: "1 h left" in desktop.driver.run("return document.body.innerText"))
    desktop.end()
    known = len(panel.icons)
    desktop.words = ["--hidden"]
    desktop.start()
    desktop.until("the icon", lambda: len(panel.icons) > known)
    desktop.until("the countdown again", lambda: any(text.startswith("Resume (") for text in panel.menu()))
    assert this(desktop)["paused_until"] == until
    desktop.cli("pause", "2s")
    desktop.until("the end of the pause in the menu", lambda: "Pause for 1 hour" in panel.menu() and "Ready" in panel.menu())
    assert this(desktop)["accepts"]


def quitting_asks_how_and_offers_it_first_the_next_time(desktop):
    for last, choice in [("Close, keep lending", "Stop lending and quit"), ("Stop lending and quit", "Close, keep lending")]:
        known = len(desktop.panel.icons)
        desktop.drive()
        desktop.icon(known)
        desktop.panel.click("Quit")
        desktop.until(f"'{last}' to have the focus", lambda: desktop.focused() == last)
        desktop.press(choice)
        if choice == "Stop lending and quit":
            desktop.until("the app to end", lambda: not desktop.runs())
            assert not (desktop.data / "node.sock").exists(), "the node's door stayed behind"
            desktop.end()
        else:
            desktop.until("the window to be gone", lambda: not desktop.windows())
            assert desktop.cli("status")["accepts"], "closing ended lending"


def without_a_panel_closing_says_once_that_the_app_goes_on(desktop):
    desktop.panel.hosted = False
    try:
        desktop.drive()
        text = lambda: desktop.driver.run("return document.body.innerText")
        name = desktop.until("the node", lambda: desktop.cli("status"))["name"]
        desktop.until("the page", lambda: name in text())
        desktop.close()
        desktop.until("the sentence", lambda: "Open it again from your launcher." in text())
        assert "Quit instead" in desktop.buttons()
        desktop.press("Close window")
        desktop.until("the window to be gone", lambda: not desktop.windows())
        assert desktop.cli("status")["accepts"], "closing ended lending"
        assert desktop.again() == 0
        desktop.until("the window again", desktop.windows)
        desktop.close()
        desktop.until("the window to be gone without a question", lambda: not desktop.windows())
    finally:
        desktop.panel.hosted = True


def a_window_that_stayed_empty_is_drawn_without_the_card(desktop):
    desktop.data.joinpath("desktop-memory.json").write_text(json.dumps({"unpainted": True}))
    desktop.drive()
    page = desktop.driver
    desktop.until("the sentence", lambda: "without the graphics card" in page.run("return document.body.innerText"))
    assert json.loads((desktop.data / "desktop.json").read_text())["acceleration"] is False
    assert json.loads((desktop.data / "desktop-memory.json").read_text())["unpainted"] is False


def many_tasks_give_one_notification_that_shows_the_problem(desktop):
    desktop.words = ["--hidden"]
    desktop.start()
    desktop.until("the node", lambda: desktop.cli("status"))
    known = len(desktop.panel.notifications)
    # Of 5,500 tasks each eleventh fails.
    fails = "test $(( {} % 11 )) -ne 0"
    desktop.cli("exec", "--detach", "--array", 5500, "--attempts", 1, "--name", "count", "--", "sh", "-c", fails)
    desktop.until("the end of the job", lambda: desktop.cli("jobs")[0]["state"] in ("done", "failed"))
    job = desktop.cli("jobs")[0]
    assert (job["counts"]["done"], job["counts"]["failed"]) == (5000, 500), job
    [notification] = desktop.until("the notification", lambda: desktop.panel.notifications[known:])
    assert notification["title"].startswith("count"), notification
    assert not desktop.windows()
    desktop.panel.press(notification, "Show problem")
    desktop.until("the window", desktop.windows)
    assert len(desktop.panel.notifications) == known + 1


def lending_is_told_and_can_be_paused_at_once(desktop):
    desktop.words = ["--hidden"]
    desktop.start()
    name = desktop.until("the node", lambda: desktop.cli("status"))["name"]
    home = Path(tempfile.mkdtemp(prefix="gridwell-helper-"))
    with helper(desktop, "forge", join=home):
        work = lambda: gridwell(home, "exec", "--detach", "--on", name, "--", "true")
        desktop.until("work for the other machine", work)
        notification = desktop.told("Your machine started lending")
        assert notification["body"] == "this machine works for forge", notification
        desktop.panel.press(notification, "Pause 1 h")
        desktop.until("the node to pause", lambda: this(desktop)["paused_until"])


def an_attached_node_outlives_the_app(desktop):
    with helper(desktop, "forge", data=desktop.data):
        desktop.until("the node", lambda: desktop.cli("status"))
        known = len(desktop.panel.icons)
        desktop.start()
        desktop.icon(known)
        desktop.panel.click("Quit")
        desktop.until("the app to end", lambda: desktop.app.poll() is not None)
        assert desktop.cli("status")["name"] == "forge", "quitting ended a node that is not the app's"


def a_dropped_file_opens_the_sheet(desktop):
    folder = desktop.data / "my scenes"
    folder.mkdir(parents=True)
    script = folder / "Küche über Ω.py"
    script.write_text("print('hello')\n")
    desktop.drive()
    page = desktop.driver
    desktop.until("the node", lambda: desktop.cli("status"))
    [window] = desktop.until("the window", desktop.windows)
    source = subprocess.Popen(
        ["/usr/bin/python3", Path(__file__).with_name("source.py"), script], stdout=subprocess.PIPE, text=True
    )
    try:
        source.stdout.readline()
        xdotool = lambda *words: subprocess.run(["xdotool", *map(str, words)], check=True)
        # Above the window, where the sheet will not be.
        [files] = desktop.until("the source", lambda: search("^Drag source$"))
        xdotool("windowactivate", "--sync", files)
        xdotool("mousemove", 60, 70, "mousedown", 1)
        for step in range(12):
            xdotool("mousemove", 60 + 45 * (step + 1), 70 + 30 * (step + 1))
            # A hand moves; drag and drop sees a jump as no drag.
            time.sleep(0.08)
        desktop.until("the overlay to name what will happen", lambda: script.stem in page.run("return document.body.innerText"))
        xdotool("mouseup", 1)
        desktop.until("the sheet", lambda: page.run("return document.querySelector('[role=dialog]') !== null"))
        desktop.until(
            "the name as it is", lambda: any(script.stem in value for value in values(page))
        )
    finally:
        source.terminate()
        source.wait(PATIENCE)


# Small and quick, but really rendered.
SCENE = """
import bpy, sys
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 36, 100
scene.frame_start, scene.frame_end = 1, 8
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
"""


def a_scene_renders_on_two_machines_with_one_key(desktop):
    folder = desktop.data.with_name(desktop.data.name + "-scenes")
    folder.mkdir()
    scene = folder / "kitchen \u00fc.blend"
    blender = ["blender", "--background", "--factory-startup", "--python-expr", SCENE, "--", scene]
    subprocess.run(blender, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    desktop.drive()
    page = desktop.driver
    desktop.until("the node", lambda: desktop.cli("status"))
    with helper(desktop, "forge"):
        desktop.until("both machines", lambda: sum(machine["online"] for machine in desktop.cli("machines")) == 2)
        assert desktop.again(scene) == 0
        desktop.until("the sheet", lambda: "1-8" in values(page))
        desktop.until("Start to have the focus", lambda: page.run("return document.activeElement?.textContent?.trim()") == "Start")
        [window] = desktop.windows()
        subprocess.run(["xdotool", "windowactivate", "--sync", window, "key", "Return"], check=True)
        job = desktop.until("the job", lambda: desktop.cli("jobs"))[0]
        desktop.until("the end of the job", lambda: desktop.cli("jobs")[0]["state"] in ("done", "failed"))
        job = desktop.cli("jobs")[0]
        assert job["state"] == "done" and job["counts"]["done"] == 8, job
        assert len([one for one in job["made_by"] if one["done"] > 0]) == 2, job["made_by"]
        frames = sorted(path.name for path in Path(job["output_folders"][0]).iterdir())
        assert len(frames) == 8 and Path(job["output_folders"][0]).parent == folder, frames
        desktop.until("the window to say so", lambda: "Done" in page.run("return document.body.innerText"))
    shutil.rmtree(folder)


def the_window_gets_over_a_killed_node(desktop):
    with helper(desktop, "forge", data=desktop.data) as node:
        desktop.until("the node", lambda: desktop.cli("status"))
        desktop.drive()
        page = desktop.driver
        text = lambda: page.run("return document.body.innerText")
        desktop.until("the machine", lambda: "forge" in text())
        node.kill()
        node.wait()
        desktop.until("the banner", lambda: "not running" in text() or "Reconnecting" in text())
    with helper(desktop, "forge", data=desktop.data):
        desktop.until("live data", lambda: not ("not running" in text() or "Reconnecting" in text()))


@contextlib.contextmanager
def helper(desktop, name, data=None, join=None):
    """Another node: on the app's data folder, or one that joins the app's grid."""
    home = data or join or Path(tempfile.mkdtemp(prefix="gridwell-helper-"))
    words = [PROGRAMS / "gridwell", "node", "--name", name, "--listen", "127.0.0.1:0", "--data", home]
    # What else runs on this computer or fills its disk is no concern of these tests.
    words += ["--dedicated", "--disk-reserve", "0"]
    if data is None:
        words += ["--join", desktop.cli("invite", "--approve-now")["link"]]
    node = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield node
    finally:
        if node.poll() is None:
            node.terminate()
            node.wait(PATIENCE)
        if data is None:
            shutil.rmtree(home, ignore_errors=True)


def gridwell(data, command, *words):
    """What the command line answers; nothing when it refuses."""
    environment = dict(os.environ, GRIDWELL_DATA=str(data))
    words = [PROGRAMS / "gridwell", command, "--json", *map(str, words)]
    done = subprocess.run(words, env=environment, capture_output=True)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def this(desktop):
    """This machine, as it sees itself."""
    return next(machine for machine in desktop.cli("machines") if machine["this"])


def values(page):
    return page.run("return [...document.querySelectorAll('[role=dialog] input')].map(input => input.value)")


def search(name):
    found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", name], capture_output=True, text=True)
    return found.stdout.split()


TESTS = [
    the_window_shows_what_the_node_says,
    closing_keeps_lending_and_a_second_start_reopens,
    the_tray_tells_and_pauses,
    a_pause_counts_down_survives_a_restart_and_ends_by_itself,
    quitting_asks_how_and_offers_it_first_the_next_time,
    without_a_panel_closing_says_once_that_the_app_goes_on,
    a_window_that_stayed_empty_is_drawn_without_the_card,
    many_tasks_give_one_notification_that_shows_the_problem,
    lending_is_told_and_can_be_paused_at_once,
    an_attached_node_outlives_the_app,
    a_dropped_file_opens_the_sheet,
    a_scene_renders_on_two_machines_with_one_key,
    the_window_gets_over_a_killed_node,
]


def main():
    manager = subprocess.Popen(["openbox"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    panel = Panel()
    failed = 0
    wanted = sys.argv[2:]
    tests = [test for test in TESTS if not wanted or test.__name__ in wanted]
    for test in tests:
        desktop = Desktop(panel)
        try:
            # It keeps how it lends.
            with helper(desktop, "anvil", data=desktop.data):
                desktop.until("the node", lambda: desktop.cli("status"))
            test(desktop)
            print(f"ok     {test.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED {test.__name__}\n{traceback.format_exc()}", flush=True)
        finally:
            desktop.stop()
    manager.terminate()
    print(f"desktop: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
