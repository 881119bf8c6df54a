"""A repository of python-tuf whose targets lie in four hash bins (path_hash_prefixes).

    make-hash-bins.py FOLDER        needs the packages tuf and securesystemslib; FOLDER/bins must not exist
"""
import hashlib
import importlib.util
import sys
from pathlib import Path

source = Path(__file__).parent.parent / "fixtures" / "adopt" / "make-python-tuf.py"
specification = importlib.util.spec_from_file_location("make_python_tuf", source)
python_tuf = importlib.util.module_from_spec(specification)
specification.loader.exec_module(python_tuf)


def bins(folder):
    repo = python_tuf.Repository(folder)
    owners = [python_tuf.Signer("root-1"), python_tuf.Signer("root-2")]
    targets, snapshot, timestamp, key = (
        python_tuf.Signer(name) for name in ("targets", "snapshot", "timestamp", "bins")
    )
    online = {"targets": ([targets], 1), "snapshot": ([snapshot], 1), "timestamp": ([timestamp], 1)}
    repo.write("root", python_tuf.root(1, {"root": (owners, 2), **online}), owners)
    prefixes = {f"bin-{digits[0]}": list(digits) for digits in ("0123", "4567", "89ab", "cdef")}
    roles = {
        name: python_tuf.DelegatedRole(name, [key.key.keyid], 1, True, path_hash_prefixes=digits)
        for name, digits in prefixes.items()
    }
    contents = {name: python_tuf.Targets(1, None, python_tuf.FAR) for name in prefixes}
    for number in range(6):
        path = f"image-{number}.img"
        first = hashlib.sha256(path.encode()).hexdigest()[0]
        home = next(name for name, digits in prefixes.items() if first in digits)
        contents[home].targets[path] = repo.target(path, f"content of {path}\n")
    top = python_tuf.Targets(1, None, python_tuf.FAR, {}, python_tuf.Delegations({key.key.keyid: key.key}, roles))
    entries = {"targets": (1, repo.write("targets", top, [targets]))}
    for name, document in contents.items():
        entries[name] = (1, repo.write(name, document, [key]))
    repo.finish(None, entries, ([snapshot], [timestamp]), lengths=True)


bins(Path(sys.argv[1]) / "bins")
