"""kubectl and helm, as a person would use them."""

import json
import os
import subprocess
import time

CHARTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "charts")


def run(*arguments, stdin=None, check=True, timeout=120):
    done = subprocess.run(arguments, input=stdin, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done


def kubectl(*arguments, **options):
    return run("kubectl", *arguments, **options).stdout


def get(kind, name=None, namespace=None, selector=None):
    arguments = ["get", kind, "-o", "json"]
    if name:
        arguments.append(name)
    if namespace:
        arguments += ["-n", namespace]
    if selector:
        arguments += ["-l", selector]
    found = json.loads(kubectl(*arguments))
    return found if name else found["items"]


def apply(manifest):
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(manifest))


def refused(manifest):
    """The API server's reason for not accepting `manifest`; None when it does."""
    done = run("kubectl", "apply", "--server-side", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest), check=False)
    return None if done.returncode == 0 else done.stderr


def install_operator(release, namespace, tag="dev", **values):
    """Installs the operator's chart, or upgrades it, with the image of that tag."""
    values = {"image.repository": "openmldb-operator", "image.tag": tag, **values}
    settings = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    run("helm", "upgrade", "--install", release, f"{CHARTS}/openmldb-operator", "-n", namespace, "--create-namespace",
        *settings, "--wait", timeout=300)


def wait_until(condition, patience, what, every=0.5):
    """Waits until `condition()` is true and returns what it returned; its exceptions count as false."""
    deadline = time.monotonic() + patience
    last = None
    while time.monotonic() < deadline:
        try:
            result = condition()
            if result:
                return result
            last = None
        except Exception as error:  # the API may be away for a moment
            last = error
        time.sleep(every)
    raise TimeoutError(f"{what} did not happen within {patience} s" + (f"; last error: {last}" if last else ""))
