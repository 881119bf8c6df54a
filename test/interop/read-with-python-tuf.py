"""Updates from an old root with python-tuf, and downloads targets.

    read-with-python-tuf.py METADATA_URL TARGETS_URL ROOT_FILE WORK_FOLDER NAME...

Prints the version of the root that it came to, then each target's content as a JSON string.
"""
import json
import sys
from pathlib import Path

from tuf.ngclient import Updater

metadata, targets, root, work, *names = sys.argv[1:]
folders = {name: Path(work) / name for name in ("metadata", "targets")}
for folder in folders.values():
    folder.mkdir(parents=True, exist_ok=True)
updater = Updater(
    metadata_dir=str(folders["metadata"]),
    metadata_base_url=metadata + "/",
    target_dir=str(folders["targets"]),
    target_base_url=targets + "/",
    bootstrap=Path(root).read_bytes(),
)
updater.refresh()
print(updater._trusted_set.root.version)
for name in names:
    info = updater.get_targetinfo(name)
    if info is None:
        sys.exit(f"python-tuf finds no target {name}")
    print(json.dumps(Path(updater.download_target(info)).read_text()))
