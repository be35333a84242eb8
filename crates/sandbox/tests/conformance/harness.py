"""A minimal test runner: no dependency that could change the client's."""

import json
import os
import sys
import traceback
import urllib.request

ADDRESS = json.loads(os.environ["SANDBOX_ADDRESS"])
URL = ADDRESS["url"]
INDEXES = ADDRESS["indexes"]
KEY = os.environ["SANDBOX_KEY"]

checks = []


def check(function):
    """Registers a check; its name says what is checked."""
    checks.append(function)
    return function


def sandbox(method, path, body=None):
    """Calls the sandbox's own control API."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def refused(function, *, status, text):
    """The client raises an error that carries this status and text."""
    try:
        function()
    except Exception as error:  # noqa: BLE001: the classes differ between versions
        numbers = [getattr(error, name, None) for name in ("status", "status_code", "code")]
        code = next((number for number in numbers if isinstance(number, int)), None)
        assert code == status, f"{type(error).__name__} with status {code}: {error}"
        assert text.lower() in str(error).lower(), f"{text!r} is not in {error}"
        return error
    raise AssertionError("nothing was refused")


def run():
    """Runs every check, prints a line for each and the sum."""
    failed = 0
    for function in checks:
        name = function.__name__.replace("_", " ")
        try:
            function()
            print("ok  ", name)
        except Exception:  # noqa: BLE001
            failed += 1
            print("FAIL", name)
            traceback.print_exc(limit=-3, chain=False, file=sys.stdout)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(failed > 0)
