"""Runs a program in a kernel that has no Landlock, as far as the program can tell: without_landlock.py PROGRAM [ARG…]"""

import ctypes
import os
import struct
import sys

# seccomp(2): the number of the call; is it landlock_create_ruleset; ENOSYS then, and else the call itself.
RULES = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 444, 0x06, 0, 0, 0x00050026, 0x06, 0, 0, 0x7FFF0000)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2

libc = ctypes.CDLL(None, use_errno=True)
rules = ctypes.create_string_buffer(RULES)
program = ctypes.create_string_buffer(struct.pack("HP", 4, ctypes.addressof(rules)))
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program):
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
