"""Compiles the optional kernel into the wheel; without a C compiler the wheel is pure Python, and slower in batches."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("model/bounceml/_kernel.c")


class KernelHook(BuildHookInterface[Any]):
    """Builds `_kernel.c` as a shared library beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and put the library into the wheel; says so on standard error where it can't."""
        compiler = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
        if compiler is None or os.environ.get("BOUNCEML_PURE"):
            print("bounceml: no C compiler, so batches run in pure Python", file=sys.stderr)
            return
        source = Path(self.root) / SOURCE
        library = source.with_name(f"_kernel{sysconfig.get_config_var('SHLIB_SUFFIX') or '.so'}")
        built = library.with_suffix(".building")
        done = subprocess.run(
            [*compiler.split(), "-O3", "-shared", "-fPIC", "-o", str(built), str(source), "-lm"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"bounceml: no kernel, so batches run in pure Python:\n{done.stderr}", file=sys.stderr)
            built.unlink(missing_ok=True)
            return
        built.replace(library)  # never half a library, even where two builds run at once
        if version == "standard":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
            build_data["artifacts"].append(str(SOURCE.parent / library.name))
