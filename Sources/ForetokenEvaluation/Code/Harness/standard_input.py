"""The process for programs tested by input and output: the program's text is a file under descriptor 3, its input one under
descriptor 0, which the program may also open by name (`/dev/stdin`)."""
with os.fdopen(3, "rb") as file: source = file.read()
os.closerange(3, 5)
os.write(2, b"ready")
null(2)
del file
sys.argv = ["solution.py"]
exec(compile(source, "solution.py", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
