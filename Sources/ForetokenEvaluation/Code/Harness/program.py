"""The program's process: runs the program and answers the tests. Its replies are not trusted."""
questions, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
null(0, 1, 2)


def send(message, write=os.write, dumps=json.dumps):
    data = dumps(message).encode("ascii") + b"\n"
    while data:
        data = data[write(answers, data):]


def receive(loads=json.loads, leave=os._exit):
    line = questions.readline()
    if not line: leave(0)
    return loads(line)


def run(source):
    """Runs the program; returns its names, and the module of those that are modules."""
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    exec(compile(source, "solution.py", "exec"), module.__dict__)
    run.names = module.__dict__
    return [[n, x.__name__ if isinstance(x, types.ModuleType) else ""]
            for n, x in module.__dict__.items() if isinstance(n, str) and not n.startswith("__")]


send("ready")
exchange = Exchange(send, receive, serves_program=False)
exchange.checked = lambda body: body()
exchange.operations = {"run": run, "name": lambda name: run.names[name]}
while True:
    message = receive()
    # A reply that nobody waits for any more, after an error such as a stack overflow in the middle of an exchange.
    if message[0] == "ask": send(exchange.serve(message[1:]))
