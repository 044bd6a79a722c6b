"""How many descriptors the process may have: each connection needs one."""

try:
    import resource
except ImportError:  # Windows
    HAS_LIMITS = False
else:
    HAS_LIMITS = True

WANTED_DESCRIPTORS = 16_384
DESCRIPTORS_ELSEWHERE = 512  # where a process cannot ask for its limit


def allow_descriptors(enough: int = WANTED_DESCRIPTORS) -> int:
    """Raise this process's limit of descriptors to WANTED_DESCRIPTORS, as far as the system allows
    it, unless the limit is `enough` already; returns the limit. Many systems begin with 1024.
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
            return soft  # some systems have another limit, which cannot be asked for
        return wanted
    return soft
