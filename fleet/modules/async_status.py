"""How it is with a job: a task that was started with `async`."""
import json
import os
from typing import Any, Dict

from fleet.modules import _job
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "async_status", "See how a task that runs in the background is doing",
    {
        "jid": Opt("str", "The job, as `ansible_job_id` of the task that started it.", required=True),
        "mode": Opt("str", "status looks; cleanup removes what is kept of it.", default="status", choices=["status", "cleanup"]),
    },
    returns={
        "ansible_job_id": Ret("str", "The job."), "started": Ret("bool", "Whether it began."), "finished": Ret("bool", "Whether it ended."),
        "results_file": Ret("path", "Where its result is kept on the target."), "erased": Ret("path", "What was removed.", returned="mode=cleanup"),
    },
    notes=["The result of the job itself is part of the result once it has finished.", "The user must be the one the job was started as."],
    examples="""
- command: /usr/local/bin/long-backup
  async: 3600
  poll: 0
  register: backup

- async_status: {jid: "{{ backup.ansible_job_id }}"}
  register: job
  until: job is finished
  retries: 60
  delay: 60
""")


def run(m):
    # type: (Module) -> Any
    job = m.args.jid
    told = {"ansible_job_id": job, "started": True, "finished": True}  # type: Dict[str, Any]
    if m.check and not job:
        return told  # a plan starts no jobs
    if not job or "/" in job or job.startswith("."):
        m.fail("'%s' is no job" % job)
    path = os.path.join(_job.folder(), job)
    if m.args.mode == "cleanup":
        if os.path.exists(path):
            yield Change("job %s" % job, "kept", "removed", lambda: os.unlink(path), path)
        return dict(told, erased=path)
    try:
        with open(path) as stream:
            told.update(json.load(stream))
    except FileNotFoundError:
        m.fail("could not find job %s" % job, **told)
    except ValueError:
        m.fail("what is kept of the job %s cannot be read" % job, **told)
    pid = told.pop("pid", None)
    if not told["finished"] and pid and not os.path.isdir("/proc/%d" % pid):
        told.update(finished=True, failed=True, msg="the job ended without a result: it was killed, or the target was restarted")
    return dict(told, results_file=path)
