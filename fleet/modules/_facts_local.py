"""A machine's own facts: JSON and INI files, and programs that print them, named *.fact."""
import glob
import json
import os
from typing import Any, Dict

from fleet.modules._facts_system import Facts
from fleet.runner.module import Module


def local(m, folder):
    # type: (Module, str) -> Facts
    found = {}  # type: Dict[str, Any]
    for path in sorted(glob.glob(os.path.join(os.path.expanduser(folder), "*.fact"))):
        name = os.path.basename(path)[:-len(".fact")]
        try:
            if os.access(path, os.X_OK) and os.stat(path).st_mode & 0o111:
                done = m.run([path])
                if done.rc != 0:
                    found[name] = "Failure executing fact script (%s), rc: %d, err: %s" % (path, done.rc, done.stderr.strip())
                    m.warn(found[name])
                    continue
                text = done.stdout
            else:
                with open(path, encoding="utf-8") as stream:
                    text = stream.read(1 << 22)
        except (OSError, ValueError) as error:
            found[name] = "error loading fact - %s: %s" % (path, error)
            m.warn(found[name])
            continue
        found[name] = _parse(m, path, text)
    return {"local": found}


def _parse(m, path, text):
    # type: (Module, str, str) -> Any
    import configparser
    try:
        return json.loads(text)
    except ValueError:
        pass
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        word = "error loading facts as JSON or ini - please check content: %s (%s)" % (path, str(error).splitlines()[0])
        m.warn(word)
        return word
    return {section: dict(parser.items(section)) for section in parser.sections()}
