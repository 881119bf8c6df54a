"""Reads manifest.json as Bottlerocket's updog does, and strictly: written anew from the description of the format,
sharing nothing with src/. There is no updog to install; this stands in for it.

    read-manifest.py MANIFEST < HOSTS

HOSTS is a JSON list of {"variant", "arch", "version", "seed", "now" (milliseconds), "ignore_waves"?, "version_lock"?};
prints a JSON list of the version that each takes, or null. Exits with 1 and a reason for a manifest that updog, or a
careful reader, refuses.
"""
import datetime
import json
import re
import sys
from fractions import Fraction

SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)
HOP = re.compile(r"\(([^ ,]+), ([^ ,]+)\)")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MAX_SEED = 2048
UPDATE = {"variant", "arch", "version", "max_version", "waves", "images"}


def refuse(why):
    sys.exit(f"manifest.json: {why}")


def once(pairs):
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            refuse(f"{name} stands twice")
    return dict(pairs)


def version(text):
    match = SEMVER.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        refuse(f"{text!r} is no SemVer version")
    numbers = tuple(int(part) for part in match.groups()[:3])
    if match[4] is None:
        return (numbers, 1, ())
    # Numbers come before words; fewer parts before more.
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in match[4].split("."))
    return (numbers, 0, parts)


def nanoseconds(text):
    if not isinstance(text, str) or TIME.fullmatch(text) is None:
        refuse(f"{text!r} is no time in whole seconds of UTC")
    time = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    return int(time.timestamp()) * 10**9


def text_of(value, what):
    if not isinstance(value, str) or value == "":
        refuse(f"{what} is {value!r}, no text")
    return value


def waves_of(value):
    if not isinstance(value, dict):
        refuse("waves is no object")
    waves = {}
    for key, time in value.items():
        if re.fullmatch(r"0|[1-9]\d{0,9}", key) is None or int(key) > 0xFFFFFFFF:
            refuse(f"wave {key!r} is no unsigned 32-bit number")
        waves[int(key)] = nanoseconds(time)
    times = [waves[key] for key in sorted(waves)]
    if any(later <= earlier for earlier, later in zip(times, times[1:])):
        refuse("waves are not ordered")
    return waves


def update_of(value):
    if not isinstance(value, dict) or not UPDATE <= value.keys():
        refuse(f"an update lacks one of {sorted(UPDATE)}")
    images = value["images"]
    if not isinstance(images, dict) or images.keys() != {"boot", "root", "hash"}:
        refuse("images are not boot, root and hash")
    return {
        "variant": text_of(value["variant"], "variant"),
        "arch": text_of(value["arch"], "arch"),
        "version": value["version"],
        "order": version(value["version"]),
        "max": version(value["max_version"]),
        "waves": waves_of(value["waves"]),
        "images": {kind: text_of(name, kind) for kind, name in images.items()},
    }


def read(data):
    def no_float(text):
        refuse(f"{text} is no integer")

    document = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_float=no_float, parse_constant=no_float)
    if not isinstance(document, dict) or not {"updates", "migrations"} <= document.keys():
        refuse("updates or migrations are missing")
    if not isinstance(document["updates"], list) or not isinstance(document["migrations"], dict):
        refuse("updates is no list, or migrations no object")
    for hop, names in document["migrations"].items():
        match = HOP.fullmatch(hop)
        if match is None:
            refuse(f"{hop!r} is no pair of versions")
        version(match[1]), version(match[2])
        if not isinstance(names, list):
            refuse(f"{hop} has no list")
        for name in names:
            text_of(name, hop)
    return [update_of(update) for update in document["updates"]]


def ready(waves, seed, now):
    if not waves:
        return True
    before = [key for key in waves if key < seed]
    after = [key for key in waves if seed <= key <= MAX_SEED]
    if not before:
        return True
    start = max(before)
    if not after:
        return now >= waves[start]
    end = min(after)
    if now >= waves[end]:
        return True
    if now < waves[start]:
        return False
    # Whole nanoseconds for each seed; then the seed itself counts, not its distance from the wave.
    each = int(Fraction(waves[end] - waves[start], end - start))
    return now >= waves[start] + each * seed


def takes(updates, host):
    now = host["now"] * 10**6
    running = version(host["version"])
    open_ones = sorted(
        (
            update
            for update in updates
            if (update["variant"], update["arch"]) == (host["variant"], host["arch"])
            and update["order"] <= update["max"]
            and (host.get("ignore_waves") or ready(update["waves"], host["seed"], now))
        ),
        key=lambda update: update["order"],
        reverse=True,
    )
    lock = host.get("version_lock", "latest")
    if lock != "latest":
        locked = version(lock.removeprefix("v"))
        if locked == running:
            return None
        return next((update["version"] for update in open_ones if update["order"] == locked), None)
    for update in open_ones:
        if running < update["order"] or running > update["max"]:
            return update["version"]
    return None


with open(sys.argv[1], "rb") as file:
    listed = read(file.read())
print(json.dumps([takes(listed, host) for host in json.load(sys.stdin)]))
