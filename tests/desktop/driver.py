"""Just enough of WebDriver for one WebKit window."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

START_SECS = 30


class Driver:
    def __init__(self, program, words, environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # The app lets itself be driven only when this is set.
        environment = dict(environment, TAURI_WEBVIEW_AUTOMATION="true")
        self.server = subprocess.Popen(
            ["WebKitWebDriver", f"--port={self.port}"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        options = {"binary": str(program), "args": [str(word) for word in words]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        self.session = None
        end = time.monotonic() + START_SECS
        while self.session is None:
            try:
                self.session = self.ask("POST", "/session", wanted)["sessionId"]
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def ask(self, method, path, words=None):
        data = None if words is None else json.dumps(words).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def run(self, script, *words):
        return self.ask("POST", f"/session/{self.session}/execute/sync", {"script": script, "args": list(words)})

    def close(self):
        if self.session:
            try:
                self.ask("DELETE", f"/session/{self.session}")
            except (urllib.error.URLError, ConnectionError):
                pass
        self.server.terminate()
        self.server.wait(10)
