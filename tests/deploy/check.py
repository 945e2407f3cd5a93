"""What is deployed: the systemd units and the Helm chart, without systemd as init, without Helm and without a cluster.

make test-deploy [SERVER=target/debug/fenwen]. The units are checked by `systemd-analyze verify` where it is installed. The
chart is expanded by the few constructs of templates that it uses (an unknown one is an error), and what comes out is
checked against Kubernetes' own schemas and against rules of this repository. Helm itself is not run.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/fenwen"
UNITS = ROOT / "deploy/systemd"
VERSIONS = ("1.27", "1.34")
RELEASE = "ai"


class Template:
    """The constructs of Go's templates that the chart uses: `if`, `range $k, $v :=`, values and seven functions."""

    TAG = re.compile(r"(?:(?<=\n)[ \t]*)?\{\{-\s*(.*?)\s*\}\}|\{\{\s*(.*?)\s*\}\}", re.S)

    def __init__(self, text):
        # `{{-` takes the space before it; the chart never writes `-}}`.
        text = re.sub(r"\s*\{\{-", "{{-", text)
        self.pieces, at = [], 0
        for match in self.TAG.finditer(text):
            self.pieces.append(("text", text[at : match.start()]))
            self.pieces.append(("tag", match.group(1) or match.group(2)))
            at = match.end()
        self.pieces.append(("text", text[at:]))

    def render(self, scope):
        out, rest = self.until(0, scope, True)
        assert rest == len(self.pieces), "an `end` too many"
        return out

    def until(self, at, scope, is_shown):
        """What stands from a piece to the `end` of its block, and the place of that `end`."""
        out = ""
        while at < len(self.pieces):
            kind, text = self.pieces[at]
            at += 1
            if kind == "text":
                out += text if is_shown else ""
            elif text == "end":
                return out, at - 1
            elif text.startswith("if "):
                is_true = is_shown and bool(self.value(text[3:], scope))
                inner, end = self.until(at, scope, is_true)
                out, at = out + inner, end + 1
            elif text.startswith("range "):
                names, _, path = text[6:].partition(" := ")
                key, each = names.split(", ")
                items = self.value(path, scope).items() if is_shown else []
                end = self.until(at, scope, False)[1]
                for name, item in sorted(items):
                    out += self.until(at, scope | {key: name, each: item}, True)[0]
                at = end + 1
            elif is_shown:
                value = self.value(text, scope)
                assert value is not None, f"there is no {text}"
                out += str(value)
        return out, at

    def value(self, expression, scope):
        first, *functions = (it.strip() for it in expression.split("|"))
        if first.startswith("toYaml "):
            value = yaml.safe_dump(self.path(first[7:], scope), sort_keys=True).rstrip("\n")
        else:
            value = self.path(first, scope)
        for function in functions:
            name, *arguments = function.split()
            if name == "indent":
                value = "\n".join(" " * int(arguments[0]) + it for it in str(value).split("\n"))
            elif name == "default":
                value = value or self.path(arguments[0], scope)
            elif name == "toJson":
                value = json.dumps(value)
            elif name == "quote":
                value = '"' + str(value).replace('"', '\\"') + '"'
            elif name == "sha256sum":
                value = hashlib.sha256(str(value).encode()).hexdigest()
            else:
                raise ValueError(f"unknown function {name}")
        return value

    def path(self, path, scope):
        """A value; none where only the last name of its path is missing."""
        root, *names = path.split(".")
        value = scope["$"] if root in ("", "$") else scope[root]
        for name in names[:-1]:
            value = value[name]
        return value.get(names[-1]) if names else value


def rendered(values):
    scope = {"$": {"Values": values, "Release": {"Name": RELEASE}}}
    found = []
    for path in sorted((CHART / "templates").glob("*.yaml")):
        text = Template(path.read_text(encoding="utf-8")).render(scope)
        found += [it for it in yaml.safe_load_all(text) if it is not None]
    return found


def containers(document):
    """Every container of a document, those that run first too, with its pod."""
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    pod = spec.get("template", {}).get("spec")
    for kind in ("initContainers", "containers"):
        for it in (pod or {}).get(kind, []):
            yield it, pod


def check_chart():
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    documents = rendered(values)
    kinds = sorted(it["kind"] for it in documents)
    assert kinds == ["ConfigMap"] + ["CronJob"] * 2 + ["PodDisruptionBudget"] * 3 + ["Service"] * 4 + ["StatefulSet"] * 3, kinds
    for document in documents:
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
    names = {(it["kind"], it["metadata"]["name"]) for it in documents}
    assert len(names) == len(documents), "two documents of one name"
    assert not any(it["kind"] == "Secret" for it in documents), "secrets are named, never made"
    n_containers = 0
    for document in documents:
        for container, pod in containers(document):
            n_containers += 1
            assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
            limits = container["securityContext"]
            assert limits["readOnlyRootFilesystem"] and limits["capabilities"] == {"drop": ["ALL"]}
            assert limits["allowPrivilegeEscalation"] is False
            volumes = {it["name"] for it in pod["volumes"]}
            volumes |= {it["metadata"]["name"] for it in document["spec"].get("volumeClaimTemplates", [])}
            assert {it["name"] for it in container["volumeMounts"]} <= volumes, container["name"]
    assert n_containers == 8, n_containers
    for document in (it for it in documents if it["kind"] == "StatefulSet"):
        wanted = document["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= document["spec"]["template"]["metadata"]["labels"].items()
        assert document["spec"]["serviceName"] in {name for kind, name in names if kind == "Service"}
    check_groups(values)
    check_backup(values, documents)
    values["roles"]["relay"]["replicas"], values["export"]["enabled"], values["backup"]["enabled"] = 0, False, False
    assert len(rendered(values)) == len(documents) - 5, "a role of 0, no export and no backup are left out"
    return values["config"]


def check_backup(values, documents):
    """The backup of the chart is that of the systemd unit: the same hour, as many days, not into the claim of the export."""
    job = next(it for it in documents if it["metadata"]["name"] == f"{RELEASE}-backup")
    timer = (UNITS / "fenwen-backup.timer").read_text(encoding="utf-8")
    hour, minute = re.search(r"^OnCalendar=\*-\*-\* (\d\d):(\d\d):00 Asia/Taipei$", timer, re.M).groups()
    assert job["spec"]["schedule"] == f"{int(minute)} {int(hour)} * * *" and job["spec"]["timeZone"] == "Asia/Taipei"
    unit = (UNITS / "fenwen-backup.service").read_text(encoding="utf-8")
    [(container, pod)] = containers(job)
    env = {it["name"]: it["value"] for it in container["env"]}
    assert re.search(r"--keep-days (\d+)", unit).group(1) == env["KEEP_DAYS"]
    script = container["args"][0]
    assert 'fenwen backup --config /etc/fenwen/fenwen.toml --keep-days "$KEEP_DAYS" "/backups/' in script, script
    subprocess.run(["sh", "-n", "-c", script], check=True)
    claims = [it["persistentVolumeClaim"]["claimName"] for it in pod["volumes"] if "persistentVolumeClaim" in it]
    assert claims == [values["backup"]["claim"]] and values["backup"]["claim"] != values["export"]["claim"]


def check_image():
    """The recipe of the image: built as the Makefile builds, run by the user that the chart runs, and nothing private goes in."""
    recipe = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    lines = [it for it in recipe.replace("\\\n", " ").splitlines() if it and not it.startswith("#")]
    words = [it.split(None, 1) for it in lines]
    by_name = {}
    for name, rest in words:
        by_name.setdefault(name, []).append(rest)
    assert by_name["USER"] == ["10001:10001"] and by_name["ENTRYPOINT"] == ['["fenwen"]']
    assert by_name["VOLUME"] == ['["/var/lib/fenwen", "/models"]']
    assert "/healthz/ready" in by_name["HEALTHCHECK"][0], by_name["HEALTHCHECK"]
    assert any("cargo build --release --locked" in it for it in by_name["RUN"])
    wanted = re.search(r'^rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.M).group(1)
    assert by_name["FROM"][0].startswith(f"rust:{wanted}"), by_name["FROM"]
    # Without the context's own history, builds and data.
    ignored = set((ROOT / ".dockerignore").read_text(encoding="utf-8").split())
    assert {".git", "target", "data", "**/*.key", ".venv"} <= ignored, ignored


def check_groups(values):
    """A group of its own for some services has the role and the services of its values."""
    group = {"role": "worker", "services": ["speech"], "replicas": 1, "resources": {}}
    documents = rendered(values | {"roles": {"ears": group, "worker": values["roles"]["worker"]}})
    found = {}
    for document in (it for it in documents if it["kind"] == "StatefulSet"):
        serving = [it for it, _ in containers(document) if it["name"] == "fenwen"]
        for it in serving:
            services = [json.loads(of["value"]) for of in it["env"] if of["name"] == "FENWEN_SERVER__SERVICES"]
            found[document["metadata"]["name"]] = (it["args"][-1], services)
    assert found == {f"{RELEASE}-ears": ("worker", [["speech"]]), f"{RELEASE}-worker": ("worker", [])}, found


def check_settings(server, text):
    """The settings of the chart are taken by the program, but for what comes from secrets."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fenwen.toml")
        path.write_text(text, encoding="utf-8")
        made = [server, "release", "key", "--key", Path(folder, "release.key")]
        key = subprocess.run(made, check=True, capture_output=True, text=True).stdout
        secret = [
            "release.public_key=" + re.search(r'^release.public_key = "(.*)"$', key, re.M).group(1),
            "store.url=host=db user=fenwen dbname=fenwen sslmode=require",
            "store.s3.endpoint=https://s3.example.gov.tw",
            "store.s3.bucket=fenwen",
            "store.s3.access_key=a",
            "store.s3.secret_key=b",
            "bus.url=tls://nats.example:4222",
            "bus.credentials=/etc/fenwen/fenwen.creds",
        ]
        settings = [part for it in secret for part in ("--set", it)]
        done = subprocess.run([server, "config", "check", "--config", path, *settings], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def check_units(server):
    """Each unit as systemd reads it; the program stands where this machine has it."""
    units = sorted(it for it in UNITS.iterdir() if it.suffix in (".service", ".timer"))
    with tempfile.TemporaryDirectory() as folder:
        for unit in units:
            text = unit.read_text(encoding="utf-8").replace("/usr/local/bin/fenwen", str(Path(server).resolve()))
            Path(folder, unit.name).write_text(text, encoding="utf-8")
        paths = [str(Path(folder, it.name)) for it in units if "@" not in it.name]
        paths += [str(Path(folder, it.name.replace("@", "@x"))) for it in units if "@" in it.name]
        for unit in units:
            if "@" in unit.name:
                shutil.copy(Path(folder, unit.name), Path(folder, unit.name.replace("@", "@x")))
        done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True)
        said = [it for it in (done.stdout + done.stderr).splitlines() if "fenwen" in it]
        assert done.returncode == 0 and not said, "\n".join(said) or done.stderr
    return len(units)


def check_timers():
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").is_file(), timer
        when = re.search(r"^OnCalendar=(.*)$", timer.read_text(encoding="utf-8"), re.M).group(1)
        assert when.endswith("Asia/Taipei"), timer
        subprocess.run(["systemd-analyze", "calendar", when], check=True, stdout=subprocess.DEVNULL)


def main():
    server = sys.argv[1]
    settings = check_chart()
    check_image()
    print("ok   image: its recipe, not built")
    print("ok   chart: expanded and valid for Kubernetes", *VERSIONS)
    check_settings(server, settings)
    print("ok   settings of the chart")
    if shutil.which("systemd-analyze") is None:
        print("not checked: the units; systemd-analyze is not installed")
        return
    print("ok  ", check_units(server), "units")
    check_timers()
    print("ok   timers")


if __name__ == "__main__":
    main()
