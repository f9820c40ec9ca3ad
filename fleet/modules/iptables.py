"""Rules of iptables."""
import shutil
from typing import Any, Dict, Generator, List, Optional

from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

# An option, and the words it becomes; those of one kind of match come after its -m.
_RULE = (
    ("protocol", "-p"), ("source", "-s"), ("destination", "-d"), ("match", "-m"), ("tcp_flags", ""), ("jump", "-j"), ("gateway", "--gateway"),
    ("log_prefix", "--log-prefix"), ("log_level", "--log-level"), ("to_destination", "--to-destination"), ("destination_ports", "multiport"),
    ("to_source", "--to-source"), ("goto", "-g"), ("in_interface", "-i"), ("out_interface", "-o"), ("fragment", "-f"), ("set_counters", "-c"),
    ("source_port", "--source-port"), ("destination_port", "--destination-port"), ("to_ports", "--to-ports"), ("set_dscp_mark", "--set-dscp"),
    ("set_dscp_mark_class", "--set-dscp-class"), ("syn", ""), ("ctstate", "conntrack"), ("src_range", "iprange"), ("dst_range", "iprange"),
    ("match_set", "set"), ("limit", "limit"), ("limit_burst", "limit"), ("uid_owner", "owner"), ("gid_owner", "owner"),
    ("reject_with", "--reject-with"), ("icmp_type", ""), ("comment", "comment"))

SPEC = Spec(
    "iptables", "Manage rules of iptables",
    {
        "chain": Opt("str", "The chain: INPUT, FORWARD, OUTPUT ..., or one's own."),
        "table": Opt("str", "The table.", default="filter", choices=["filter", "nat", "mangle", "raw", "security"]),
        "state": Opt("str", "Whether the rule is there.", default="present", choices=["absent", "present"]),
        "action": Opt("str", "Where a new rule goes: to the end or to the top. One that is there stays where it is.", default="append",
                      choices=["append", "insert"]),
        "rule_num": Opt("str", "With insert: the place of a new rule, counted from 1."),
        "ip_version": Opt("str", "Which IP.", default="ipv4", choices=["ipv4", "ipv6", "both"]),
        "protocol": Opt("str", "tcp, udp, icmp, all ...; with `!` in front: any other."),
        "source": Opt("str", "Address or network, with `!` in front any other."), "destination": Opt("str", "Address or network."),
        "in_interface": Opt("str", "Interface that it came by."), "out_interface": Opt("str", "Interface that it goes by."),
        "source_port": Opt("str", "Port or range, as 80 or 8000:8010; needs protocol."), "destination_port": Opt("str", "Port or range; needs protocol."),
        "destination_ports": Opt("list", "Several ports and ranges (multiport).", elements="str"),
        "match": Opt("list", "Extensions to load.", elements="str", default=[]),
        "ctstate": Opt("list", "States of connections: NEW, ESTABLISHED, RELATED ...", elements="str", default=[]),
        "jump": Opt("str", "What to do with the packet: ACCEPT, DROP, a chain ..."), "goto": Opt("str", "Go on in this chain, and do not come back."),
        "reject_with": Opt("str", "How to refuse; implies `jump: REJECT`."), "log_prefix": Opt("str", "Text in front of the log's line."),
        "log_level": Opt("str", "Level of the log's line.", choices=[
            "0", "1", "2", "3", "4", "5", "6", "7", "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"]),
        "to_destination": Opt("str", "With DNAT."), "to_source": Opt("str", "With SNAT."), "to_ports": Opt("str", "With REDIRECT and MASQUERADE."),
        "gateway": Opt("str", "With TEE: where the copy goes."),
        "set_dscp_mark": Opt("str", "With DSCP: the mark."), "set_dscp_mark_class": Opt("str", "With DSCP: the class."),
        "tcp_flags": Opt("dict", "`flags`: those looked at, `flags_set`: those that are set.", suboptions={
            "flags": Opt("list", "Those looked at.", elements="str"), "flags_set": Opt("list", "Those that are set.", elements="str")}),
        "syn": Opt("str", "Packets that begin a connection of TCP.", default="ignore", choices=["ignore", "match", "negate"]),
        "fragment": Opt("str", "Text `-f` or `! -f`: later fragments only, or none of them."), "set_counters": Opt("str", "Packets and bytes, by a comma."),
        "icmp_type": Opt("str", "Type of ICMP."), "src_range": Opt("str", "Source addresses from-to."), "dst_range": Opt("str", "Destination addresses from-to."),
        "match_set": Opt("str", "A set of ipset."), "match_set_flags": Opt("str", "src, dst; several by commas.", choices=[
            "src", "dst", "src,dst", "dst,src", "src,src", "dst,dst"]),
        "limit": Opt("str", "How often it matches: 10/minute."), "limit_burst": Opt("str", "How often at once."),
        "uid_owner": Opt("str", "User who sends it."), "gid_owner": Opt("str", "Group that sends it."), "comment": Opt("str", "A comment on the rule."),
        "policy": Opt("str", "What becomes of packets that no rule of the chain matches.", choices=["ACCEPT", "DROP", "QUEUE", "RETURN"]),
        "flush": Opt("bool", "Take all rules of the chain, or of the table, away.", default=False),
        "chain_management": Opt("bool", "Make the chain when it is not there; with absent and no rule, take it away when it is empty.", default=False),
        "wait": Opt("str", "Seconds to wait for the lock of another iptables."),
        "numeric": Opt("bool", "Accepted: names of hosts and services are never looked up to compare.", default=False),
    },
    required_together=[("match_set", "match_set_flags")], mutually_exclusive=[("set_dscp_mark", "set_dscp_mark_class"), ("flush", "policy")],
    returns={"rule": Ret("str", "The rule, as its words."), "chain": Ret("str", "The chain."), "table": Ret("str", "The table.")},
    notes=["Changes what the kernel has now; nothing of it outlives a boot (iptables-persistent does that).",
           "Whether a rule is there is asked of `iptables -C`."],
    examples="""
- iptables:
    chain: INPUT
    protocol: tcp
    destination_ports: ["80", "443"]
    ctstate: [NEW]
    jump: ACCEPT
    comment: the web
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    if args.chain is None and not args.flush:
        m.fail("chain is needed, except to flush a whole table")
    if args.rule_num is not None and args.action != "insert":
        m.fail("rule_num goes with action=insert")
    if args.jump is None and args.reject_with is not None:
        args["jump"] = "REJECT"
    if args.jump is None and (args.log_prefix is not None or args.log_level is not None):
        args["jump"] = "LOG"
    rule = _rule(args)
    programs = {"ipv4": ["iptables"], "ipv6": ["ip6tables"], "both": ["iptables", "ip6tables"]}[args.ip_version]
    for program in programs:
        call = _Table(m, program)
        if m.check and not shutil.which(program):
            m.warn("there is no %s yet" % program)  # an earlier task may be the one that installs it
            if args.state == "present":
                yield Change("rule", "", "-A %s %s\n" % (args.chain, " ".join(rule)), None, program)
            continue
        if args.flush:
            yield from _flush(call)
        elif args.policy is not None:
            yield from _policy(call)
        else:
            yield from _one(call, rule)
    return {"chain": args.chain, "table": args.table, "ip_version": args.ip_version, "state": args.state, "rule": " ".join(rule), "flush": args.flush,
            "chain_management": args.chain_management}


class _Table:
    """One program's calls on the table."""

    def __init__(self, m, program):
        # type: (Module, str) -> None
        self.m = m
        self.program = program
        self.words = [program, "-t", m.args.table] + (["-w", m.args.wait] if m.args.wait is not None else ["-w"])

    def ask(self, *words):
        # type: (*str) -> Any
        return self.m.run(self.words + list(words), env={"LC_ALL": "C"})

    def must(self, *words):
        # type: (*str) -> Any
        return self.m.run(self.words + list(words), env={"LC_ALL": "C"}, ok=[0])

    def rules(self):
        # type: () -> Optional[List[str]]
        """The chain's lines as -S lists them (the whole table's without a chain); None when there is no such chain."""
        done = self.ask("-S")  # of the whole table: what is said of a chain that is not there differs much
        chain = self.m.args.chain
        if done.rc != 0:
            self.m.fail("%s cannot list the table %s: %s" % (self.program, self.m.args.table, done.stderr.strip()), rc=done.rc)
        lines = str(done.stdout).splitlines()
        return lines if chain is None else [line for line in lines if line.split()[1:2] == [chain]] or None


def _one(table, rule):
    # type: (_Table, List[str]) -> Generator[Change, Any, None]
    args = table.m.args
    chain = args.chain
    lines = table.rules()
    if lines is None and args.state == "present":
        if not args.chain_management:
            if not table.m.check:
                table.m.fail("there is no chain %s in the table %s: `chain_management: true` makes it" % (chain, args.table))
            table.m.warn("there is no chain %s yet" % chain)
        else:
            yield Change("chain", "absent", chain, lambda: table.must("-N", chain), table.program)
    if not rule:
        if args.state == "absent" and lines is not None and args.chain_management:
            if any(line.startswith("-A") for line in lines):
                table.m.fail("the chain %s has rules and stays: `flush: true` takes them away" % chain)
            yield Change("chain", chain, "absent", lambda: table.must("-X", chain), table.program)
        elif not args.chain_management:
            table.m.fail("there is no rule: give at least jump, or what it matches")
        return
    there = lines is not None and _there(table, rule)
    text = "-A %s %s\n" % (chain, " ".join(rule))
    if args.state == "absent" and there:
        yield Change("rule", text, "", lambda: table.must("-D", chain, *rule), table.program)
    elif args.state == "present" and not there:
        place = ["-A", chain] if args.action == "append" else ["-I", chain] + ([args.rule_num] if args.rule_num else [])
        yield Change("rule", "", text, lambda: table.must(*(place + rule)), table.program)


def _there(table, rule):
    # type: (_Table, List[str]) -> bool
    done = table.ask("-C", table.m.args.chain, *rule)
    if done.rc in (0, 1):
        return bool(done.rc == 0)
    words = done.stderr.strip().splitlines()[0] if done.stderr.strip() else "status %d" % done.rc
    if not (table.m.check and "does not exist" in words):
        table.m.fail("%s does not take this rule: %s" % (table.program, words), rc=done.rc, rule=" ".join(rule))
    table.m.warn(words)  # a chain that an earlier task may be about to make
    return False


def _policy(table):
    # type: (_Table) -> Generator[Change, Any, None]
    args = table.m.args
    now = next((line.split()[2] for line in table.rules() or [] if line.startswith("-P ")), None)
    if now is None:
        table.m.fail("%s is no chain of the kernel's own in the table %s, so it has no policy" % (args.chain, args.table))
    if now != args.policy:
        yield Change("policy of " + args.chain, now, args.policy, lambda: table.must("-P", args.chain, args.policy), table.program)


def _flush(table):
    # type: (_Table) -> Generator[Change, Any, None]
    lines = [line for line in table.rules() or [] if line.startswith("-A ")]
    if lines:
        words = [table.m.args.chain] if table.m.args.chain else []
        yield Change("rules", "".join(line + "\n" for line in lines), "", lambda: table.must("-F", *words), table.program)


def _rule(args):
    # type: (Any) -> List[str]
    words = []  # type: List[str]
    loaded = set(args.match)
    for name, word in _RULE:
        value = args[name]
        if value is None or value in ([], ""):
            continue
        if word and not word.startswith("-"):  # an extension
            if word not in loaded:
                loaded.add(word)
                words += ["-m", word]
            words += _extended(args, name, value)
        elif name == "match":
            for each in value:
                words += ["-m"] + each.split()
        elif name == "tcp_flags":
            words += ["--tcp-flags", ",".join(value["flags"] or []), ",".join(value["flags_set"] or [])]
        elif name == "syn":
            words += {"ignore": [], "match": ["--syn"], "negate": ["!", "--syn"]}[value]
        elif name == "icmp_type":
            words += ["--icmpv6-type" if args.ip_version == "ipv6" else "--icmp-type", value]
        elif name == "fragment":
            words += value.split()
        elif name == "set_counters":
            words += [word] + value.replace(",", " ").split()
        else:
            words += _negated(word, value)
    return words


def _negated(word, value):
    # type: (str, str) -> List[str]
    return ["!", word, value[1:].strip()] if value.startswith("!") else [word, value]


def _extended(args, name, value):
    # type: (Any, str, Any) -> List[str]
    word = {"destination_ports": "--dports", "ctstate": "--ctstate", "src_range": "--src-range", "dst_range": "--dst-range", "limit": "--limit",
            "limit_burst": "--limit-burst", "uid_owner": "--uid-owner", "gid_owner": "--gid-owner", "comment": "--comment"}.get(name, "")
    if name == "match_set":
        return _negated("--match-set", value) + [args.match_set_flags]
    return _negated(word, ",".join(value) if isinstance(value, list) else value) if name != "comment" else [word, value]
