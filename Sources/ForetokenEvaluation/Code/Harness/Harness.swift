/// The Python side of grading, embedded from the files of this folder: the program and the tests run in separate processes
/// connected by a pipe only.
///
/// A program can manipulate only its own interpreter. The tests get copies of plain data, and of all other objects stand-ins that
/// ask the program's process (`exchange.py`). So a program cannot obtain a verdict by printing, monkey-patching or `exit`, and an
/// object that claims to equal everything equals nothing.
enum Harness {
    /// What the process of ``standardInput`` writes to standard error when the program's time begins.
    static let ready = Array("ready".utf8)

    /// The program's process: runs the program and answers the tests. Its replies are not trusted.
    static let program = script(exchange + [PackageResources.program_py])
    /// The tests' process for tests that are Python: reads the job from standard input and writes the verdict to standard output.
    static let calls = script(exchange + [PackageResources.judge_py, PackageResources.calls_py])
    /// The tests' process that compares with a reference solution as EvalPlus does.
    static let reference = script(exchange + [PackageResources.judge_py, PackageResources.evalplus_py])
    /// The process for programs tested by input and output.
    static let standardInput = script([PackageResources.limits_py, PackageResources.standard_input_py])

    private static let exchange = [
        PackageResources.limits_py, PackageResources.values_py, PackageResources.classes_py,
        PackageResources.exchange_py,
        PackageResources.names_py,
    ]

    /// One script of several files, which share a namespace.
    private static func script(_ files: [[UInt8]]) -> String {
        files.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }
}
