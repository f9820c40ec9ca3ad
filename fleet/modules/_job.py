"""Jobs: modules that run in the background, in a process that outlives the runner. A file each says how it is with them."""
import json
import os
from typing import Any, Callable, Dict


def folder():
    # type: () -> str
    return os.path.expanduser(os.environ.get("ANSIBLE_ASYNC_DIR") or "~/.ansible_async")


def start(job, carry_out):
    # type: (str, Callable[[], Dict[str, Any]]) -> Dict[str, Any]
    """Have a module carried out in a process of its own; what is known of it at once."""
    os.makedirs(folder(), mode=0o700, exist_ok=True)
    path = os.path.join(folder(), job)
    told = {"ansible_job_id": job, "started": True, "finished": False}  # type: Dict[str, Any]
    _note(path, told)
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return dict(told, changed=True, results_file=path)
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        _let_go()
        _note(path, dict(told, pid=os.getpid()))
        _note(path, dict(carry_out(), ansible_job_id=job, started=True, finished=True))
    except BaseException as error:
        _note(path, dict(told, finished=True, failed=True, msg="the job could not be carried out: %s" % error))
    finally:
        os._exit(0)


def _let_go():
    # type: () -> None
    """Of everything the runner has open: the controller's streams, and the lock that would keep others away."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(3, min(os.sysconf("SC_OPEN_MAX"), 65536))


def _note(path, told):
    # type: (str, Dict[str, Any]) -> None
    temporary = path + ".tmp"
    with open(temporary, "w") as stream:
        json.dump(told, stream)
    os.rename(temporary, path)
