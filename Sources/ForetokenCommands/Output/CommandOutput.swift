import ForetokenFiles

/// The result of a command, as text for people and as JSON for programs.
package protocol CommandOutput {
    /// One JSON object on one line; its keys are API.
    var jsonLine: String { get throws }
    /// Text and tables in the width of standard output's terminal.
    var terminalText: String { get }
}

/// Prints a result to standard output.
package func show(_ output: some CommandOutput, asJSON: Bool) throws {
    print(asJSON ? try output.jsonLine : output.terminalText)
}
