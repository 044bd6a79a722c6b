"""How many descriptors the process may have: each connection needs one."""

try:
    import resource
except ImportError:  # Windows
    HAS_LIMITS = False
else:
    HAS_LIMITS = True


WANTED_DESCRIPTORS = 16_384


DESCRIPTORS_ELSEWHERE = 512  # where a process is not told how many it may have


def allow_descriptors(enough: int = WANTED_DESCRIPTORS) -> int:
    """How many descriptors this process may have: unless that is enough already, as many as
    WANTED_DESCRIPTORS if the system lets it, for many systems start a process with 1024.
    """
    if not HAS_LIMITS:
        return DESCRIPTORS_ELSEWHERE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return WANTED_DESCRIPTORS
    if soft < enough:
        within = hard if hard != resource.RLIM_INFINITY else WANTED_DESCRIPTORS
        wanted = min(WANTED_DESCRIPTORS, within)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            return soft  # some systems have a limit of their own that they do not tell
        return wanted
    return soft
