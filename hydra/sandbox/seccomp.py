"""The system calls a candidate may not make, as a seccomp filter: what Landlock does not see.

The rest is allowed, because numeric libraries use much of the kernel; what is refused here is every way to
a socket, another process, a new process, a foreign file's metadata, a mount, or memory outside the limit.
Calls newer than this table do not exist for a candidate (ENOSYS).
"""

import ctypes
import errno
import os
import platform
import struct
from typing import Final, NamedTuple


class Number(NamedTuple):
    """A system call's number on x86-64 and on aarch64; None where the call does not exist."""

    x86_64: int | None
    aarch64: int | None


def _numbers(rows: str) -> dict[str, Number]:
    found = {}
    for row in rows.split():
        name, x86_64, aarch64 = row.split(":")
        found[name] = Number(*(None if text == "-" else int(text) for text in (x86_64, aarch64)))
    return found


NETWORK: Final = """
socket:41:198 socketpair:53:199 connect:42:203 bind:49:200 listen:50:201 accept:43:202 accept4:288:242
sendto:44:206 sendmsg:46:211 sendmmsg:307:269 recvfrom:45:207 recvmsg:47:212 recvmmsg:299:243
"""
PROCESSES: Final = """
fork:57:- vfork:58:- execve:59:221 execveat:322:281 ptrace:101:117 process_vm_readv:310:270
process_vm_writev:311:271 process_madvise:440:440 pidfd_open:434:434 pidfd_getfd:438:438
pidfd_send_signal:424:424 kcmp:312:272 tkill:200:130 rt_sigqueueinfo:129:138 rt_tgsigqueueinfo:297:240
setpriority:141:140 ioprio_set:251:30 sched_setaffinity:203:122 sched_setscheduler:144:119
sched_setparam:142:118 sched_setattr:314:274 migrate_pages:256:238 move_pages:279:239 setpgid:109:154
setsid:112:157
"""
FILES: Final = """
chmod:90:- fchmod:91:52 fchmodat:268:53 fchmodat2:452:452 chown:92:- fchown:93:55 lchown:94:-
fchownat:260:54 utime:132:- utimes:235:- futimesat:261:- utimensat:280:88 setxattr:188:5 lsetxattr:189:6
fsetxattr:190:7 removexattr:197:14 lremovexattr:198:15 fremovexattr:199:16 name_to_handle_at:303:264
open_by_handle_at:304:265 fanotify_init:300:262 mount:165:40 umount2:166:39 pivot_root:155:41
chroot:161:51 unshare:272:97 setns:308:268 open_tree:428:428 move_mount:429:429 fsopen:430:430
fsconfig:431:431 fsmount:432:432 fspick:433:433 mount_setattr:442:442
"""
MEMORY: Final = """
memfd_create:319:279 memfd_secret:447:447 shmget:29:194 shmat:30:196 shmctl:31:195 msgget:68:186
semget:64:190 mq_open:240:180 io_uring_setup:425:425 io_uring_enter:426:426 io_uring_register:427:427
userfaultfd:323:282
"""
KERNEL: Final = """
bpf:321:280 perf_event_open:298:241 keyctl:250:219 add_key:248:217 request_key:249:218 personality:135:92
init_module:175:105 finit_module:313:273 delete_module:176:106 kexec_load:246:104 kexec_file_load:320:294
reboot:169:142 swapon:167:224 swapoff:168:225 quotactl:179:60 acct:163:89 settimeofday:164:170
clock_settime:227:112 adjtimex:159:171 clock_adjtime:305:266 syslog:103:116 iopl:172:- ioperm:173:-
modify_ldt:154:-
"""
REFUSED: Final = _numbers(NETWORK + PROCESSES + FILES + MEMORY + KERNEL)
_SPECIAL: Final = _numbers("clone:56:220 clone3:435:435 kill:62:129 tgkill:234:131 prlimit64:302:261")
_NEWEST_KNOWN: Final = 452

_AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT: Final = 0x4000_0000
_CLONE_THREAD: Final = 0x0001_0000

_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENT0_AT = 0, 4, 16
_ALLOW: Final = 0x7FFF_0000
_KILL: Final = 0x8000_0000
_ERRNO: Final = 0x0005_0000

_PR_SET_SECCOMP, _PR_GET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 21, 38, 2


def can_filter() -> bool:
    """Whether this kernel has seccomp and this table knows the machine's system calls."""
    libc = ctypes.CDLL(None, use_errno=True)
    return platform.machine() in _AUDIT_ARCH and libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0


def refuse_the_rest_of_the_machine() -> None:
    """Installs the filter on every thread of this process, for good; OSError where the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    program = filter_program(platform.machine(), os.getpid())
    code = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    tsync = 1
    number = 317 if platform.machine() == "x86_64" else 277
    if libc.syscall(number, 1, tsync, head) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def filter_program(machine: str, own_pid: int) -> bytes:
    """The filter as the kernel reads it: eight bytes an instruction."""
    one = machine == "x86_64"
    steps = [
        _step(_LOAD, _ARCH_AT),
        _step(_JUMP_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
    ]
    if one:
        steps += [_step(_JUMP_GREATER, _X32_BIT - 1, 0, 1), _step(_RETURN, _KILL)]
    steps += [_step(_JUMP_GREATER, _NEWEST_KNOWN, 0, 1), _step(_RETURN, _ERRNO | errno.ENOSYS)]
    special = {name: _of(number, machine) for name, number in _SPECIAL.items()}
    steps += _when(special["clone3"], [_step(_RETURN, _ERRNO | errno.ENOSYS)])  # the C library takes clone
    steps += _when(special["clone"], _argument(_JUMP_BITS, _CLONE_THREAD))
    for name in ("kill", "tgkill"):
        steps += _when(special[name], _argument(_JUMP_EQUAL, own_pid))
    steps += _when(special["prlimit64"], _argument(_JUMP_EQUAL, 0))
    for refused in REFUSED.values():
        number = _of(refused, machine)
        if number is not None:
            steps += _when(number, [_step(_RETURN, _ERRNO | errno.EPERM)])
    steps.append(_step(_RETURN, _ALLOW))
    return b"".join(steps)


def _of(number: Number, machine: str) -> int | None:
    return number.x86_64 if machine == "x86_64" else number.aarch64


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _when(number: int | None, steps: list[bytes]) -> list[bytes]:
    """These steps for this system call; the number stays loaded for the next comparison otherwise."""
    assert number is not None
    return [_step(_JUMP_EQUAL, number, 0, len(steps)), *steps]


def _argument(test: int, value: int) -> list[bytes]:
    """Allowed where the first argument passes the test, EPERM otherwise."""
    return [
        _step(_LOAD, _ARGUMENT0_AT),
        _step(test, value, 0, 1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _ERRNO | errno.EPERM),
    ]
