#!/usr/bin/env python3
"""python-tuf behind the command line of the conformance suite (protocol.ts): a second peer for the driver.

Only the reference time is set from outside, from the variable by which the driver fakes the clock.
"""

import argparse
import datetime
import os
import shutil
import sys

from tuf.ngclient import Updater

parser = argparse.ArgumentParser()
for option in ("metadata-dir", "metadata-url", "target-base-url", "target-dir"):
    parser.add_argument(f"--{option}")
parser.add_argument("--target-name", action="append", default=[])
parser.add_argument("command", choices=("init", "refresh", "download"))
parser.add_argument("trusted_root", nargs="?")


def perform(args: argparse.Namespace) -> None:
    root = os.path.join(args.metadata_dir, "root.json")
    if args.command == "init":
        shutil.copy(args.trusted_root, root)
        return
    updater = Updater(
        args.metadata_dir, args.metadata_url, args.target_dir, args.target_base_url, bootstrap=None
    )
    time = os.environ.get("TIDEGATE_CONFORMANCE_TIME")
    if time is not None:
        updater._trusted_set.reference_time = datetime.datetime.fromisoformat(time)
    updater.refresh()
    for name in args.target_name:
        target = updater.get_targetinfo(name)
        if target is None:
            raise LookupError(f"target {name} not found")
        if updater.find_cached_target(target) is None:
            updater.download_target(target)


if __name__ == "__main__":
    try:
        perform(parser.parse_args())
    except Exception as error:  # any trouble is status 1
        print(repr(error), file=sys.stderr)
        sys.exit(1)
