"""Trees in which servers are installed: one Debian base, and a layer over it for each server.

Debian's mail servers exclude one another, so each gets a layer of its own (overlayfs) and the machine's packages and
`/etc` stay as they are. Mounts are made in a mount namespace of their own and end with it.
"""

import hashlib
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.server import SUITE, Server

# Where the machine's own `apt-get` takes packages from: one line for each index, its archive's label and address.
_ARCHIVES = ("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Identifier: Packages", "Origin: Debian")
_MAX_INSTALL_S = 900
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_BASE_PACKAGES = "ca-certificates,iproute2,procps"
# Devices that servers need; the machine's own /dev stays out of their reach.
_DEVICES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))


@dataclass(frozen=True, slots=True)
class Layer:
    """An installed server: its layer over the base, and the version that the package manager gives."""

    base: Path
    upper: Path
    version: str


def base_tree(cache: Path, suite: str) -> Path:
    """A minimal Debian of a suite below `cache`, fetched with debootstrap at the first time."""
    base = cache / f"base-{suite}"
    if base.exists():
        return base
    work = cache / f"base-{suite}.new"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    tool = cache / "debootstrap"
    if not tool.exists():
        _fetch_debootstrap(tool)
    archives = archives_in(_run([*_ARCHIVES], "asking apt-get for its archives"))
    command = ["bash", str(tool / "usr/sbin/debootstrap"), "--variant=minbase", f"--include={_BASE_PACKAGES}"]
    environment = {"DEBOOTSTRAP_DIR": f"{tool}/usr/share/debootstrap"}
    _run([*command, suite, str(work), archives["Debian"]], "debootstrap", env=environment)
    (work / "etc/apt/sources.list").write_text(sources(archives, suite=suite))
    # No package may start its server while it is installed.
    policy = work / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    work.rename(base)
    return base


def archives_in(listed: str) -> dict[str, str]:
    """Debian's archives by their labels, from what `apt-get` lists; LabError where it knows none."""
    archives = {label: address for label, _, address in (line.partition(" ") for line in listed.splitlines())}
    if "Debian" not in archives:
        raise LabError("apt-get knows no archive of Debian's: run apt-get update, on a machine with Debian")
    return archives


def sources(archives: Mapping[str, str], *, suite: str) -> str:
    """The `sources.list` of a suite, from the archives that the machine itself uses."""
    lines = [f"deb {archives['Debian']} {suite} main", f"deb {archives['Debian']} {suite}-updates main"]
    if "Debian-Security" in archives:
        lines.append(f"deb {archives['Debian-Security']} {suite}-security main")
    return "\n".join(lines) + "\n"


def installed(server: Server, *, cache: Path) -> Layer:
    """The server's layer, installed now where that hasn't been done for this list of packages."""
    base = base_tree(cache, server.suite)
    wanted = "\n".join([*([] if server.suite == SUITE else [server.suite]), *server.packages, *server.install])
    layer = cache / "layers" / f"{server.name}-{hashlib.sha256(wanted.encode()).hexdigest()[:10]}"
    if not (layer / "version").exists():
        shutil.rmtree(layer, ignore_errors=True)
        for name in ("upper", "work", "root"):
            (layer / name).mkdir(parents=True)
        root = layer / "root"
        archives = cache / "archives"
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        inside = [
            f"export DEBIAN_FRONTEND=noninteractive LC_ALL=C NODE_EXTRA_CA_CERTS={_CERTIFICATES}",
            "apt-get -q update",
            f"apt-get -q -y --no-install-recommends install {' '.join(map(shlex.quote, server.packages))}",
            *server.install,
            f"({server.version}) > /version",
            "rm -rf /var/lib/apt/lists/*",
        ]
        script = "\n".join(
            [
                "set -e",
                *mount_commands(root, layers=[base], upper=layer / "upper", work=layer / "work"),
                f"mount --bind {shlex.quote(str(archives))} {shlex.quote(str(root))}/var/cache/apt/archives",
                f"cp /etc/resolv.conf {shlex.quote(str(root))}/etc/resolv.conf",
                # The machine may reach package indexes through a proxy with a certificate of its own.
                f"mount --bind {_CERTIFICATES} {shlex.quote(str(root))}{_CERTIFICATES}",
                f"exec chroot {shlex.quote(str(root))} /bin/sh -ec {shlex.quote(chr(10).join(inside))}",
            ]
        )
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "/bin/sh", "-c", script]
        _run(command, f"installing {server.title}")
        (layer / "version").write_text((layer / "upper/version").read_text())
    return Layer(base, layer / "upper", " ".join((layer / "version").read_text().split()))


def mount_commands(root: Path, *, layers: list[Path], upper: Path, work: Path) -> list[str]:
    """Shell lines that mount `layers`, uppermost first, at `root`, what is written going to `upper`."""
    quoted = shlex.quote(str(root))
    options = f"lowerdir={':'.join(map(str, layers))},upperdir={upper},workdir={work}"
    devices = [f"mknod -m 666 {quoted}/dev/{name} c {major} {minor}" for name, major, minor in _DEVICES]
    return [
        f"mount -t overlay overlay -o {shlex.quote(options)} {quoted}",
        f"mount -t proc proc {quoted}/proc",
        f"mount -t tmpfs -o mode=755 tmpfs {quoted}/dev",
        *devices,
        f"mkdir -p {quoted}/dev/pts {quoted}/dev/shm && chmod 1777 {quoted}/dev/shm",
        f"mount -t devpts -o newinstance,ptmxmode=0666 devpts {quoted}/dev/pts && ln -s pts/ptmx {quoted}/dev/ptmx",
        f"ln -s /proc/self/fd {quoted}/dev/fd",
    ]


def _fetch_debootstrap(tool: Path) -> None:
    """Debian's debootstrap, unpacked beside the trees; nothing is installed on the machine."""
    work = tool.with_name("debootstrap.new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    options = ["-o", "APT::Sandbox::User=root"]
    _run(["apt-get", *options, "download", "debootstrap"], "fetching debootstrap", folder=work)
    package = next(work.glob("debootstrap_*.deb"))
    _run(["dpkg", "-x", str(package), str(work)], "unpacking debootstrap")
    work.rename(tool)


def _run(command: list[str], what: str, *, folder: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a command prints; LabError where it fails, with the end of what it said."""
    try:
        done = subprocess.run(
            command if env is None else ["env", *(f"{k}={v}" for k, v in env.items()), *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_MAX_INSTALL_S,
        )
    except FileNotFoundError as err:
        raise LabError(f"{what}: {command[0]} is not on this machine") from err
    except subprocess.TimeoutExpired as err:
        raise LabError(f"{what}: not done after {_MAX_INSTALL_S} s") from err
    if done.returncode:
        raise LabError(f"{what} failed: {' | '.join((done.stdout + done.stderr).strip().splitlines()[-8:])}")
    return done.stdout
