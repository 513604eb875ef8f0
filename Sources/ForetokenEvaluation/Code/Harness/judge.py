"""The tests' process, up to the tests: reads the job from standard input and writes the verdict to standard output."""
import select, time

job = json.loads(sys.stdin.buffer.read())
verdicts = os.dup(1)
began = time.monotonic()


def verdict(kind, reason=""):
    os.write(verdicts, json.dumps({"verdict": kind, "reason": ascii(reason[:300])[1:-1],
                                   "seconds": time.monotonic() - began}).encode("ascii"))
    os._exit(0)


class Clock:
    """The moment by which the program must have answered."""
    end = began + 60


class Pipe:
    """Messages to and from the program's process; its end or silence decides the verdict."""
    rest, is_started = b"", False

    @classmethod
    def receive(cls):
        chunks, size = [cls.rest], len(cls.rest)
        while b"\n" not in chunks[-1]:
            left = Clock.end - time.monotonic()
            if left <= 0 or not select.select([4], [], [], left)[0]:
                verdict("timeout" if cls.is_started else "fault", "time limit")
            chunk = os.read(4, 1 << 20)
            if not chunk: verdict("failed" if cls.is_started else "fault", "the program's process ended")
            size += len(chunk)
            if size > 1 << 26: verdict("failed", "a value is larger than 64 MiB")
            chunks.append(chunk)
        line, _, cls.rest = b"".join(chunks).partition(b"\n")
        return checked(lambda: json.loads(line))

    @staticmethod
    def send(message):
        data = json.dumps(message).encode("ascii") + b"\n"
        while data:
            left = Clock.end - time.monotonic()
            if left <= 0 or not select.select([], [3], [], left)[1]: verdict("timeout", "time limit")
            try:
                data = data[os.write(3, data):]
            except BlockingIOError:
                pass
            except BrokenPipeError:
                verdict("failed", "the program's process ended")


def checked(body):
    """Reads what the program's process wrote; what cannot be read fails the program."""
    try:
        return body()
    except Exception as error:
        verdict("failed", "invalid reply from the program's process: %s" % type(error).__name__)


def refuse(error):
    """Fails the program for an error that the tests must not see."""
    verdict("failed", "the program raised %s" % type(error).__name__)


exchange = Exchange(Pipe.send, Pipe.receive, serves_program=True)
exchange.checked, exchange.refuse = checked, refuse


def fault(error):
    verdict("fault", "the problem's own code fails: %s: %s" % (type(error).__name__, error))


def fail(error, place=""):
    """Fails the program, unless the tests lack a library."""
    if isinstance(error, ImportError) and not exchange.is_theirs(error): fault(error)
    try:
        text = str(error)
    except Exception:
        text = ""
    verdict("failed", "%s%s: %s" % (place, type(error).__name__, text))


def start(limit):
    """Starts the time limit. Decoding a reply can take C code arbitrarily long, for example a Decimal of 1e999999999; from here
    on, exceeding the CPU time limit is attributed to the program."""
    global began
    began = time.monotonic()
    Clock.end = began + limit
    os.write(verdicts, b"started\n")
    used = resource.getrusage(resource.RUSAGE_SELF)
    used = int(used.ru_utime + used.ru_stime + limit) + 2
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(used, hard), hard))


def run_program():
    """Runs the program and returns its names, with the module of those that are modules."""
    return dict(exchange.result(exchange.ask("run", job["program"])))


null(0, 1, 2)
os.set_blocking(3, False)
# Callbacks within calls within callbacks need more than the default; `Exchange.ask` has the limit that counts.
sys.setrecursionlimit(10000)
if Pipe.receive() != "ready": verdict("fault", "the program's process did not start")
Pipe.is_started = True
