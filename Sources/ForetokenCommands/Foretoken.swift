import ArgumentParser
import ForetokenFiles
import ForetokenText
import Foundation

struct Foretoken: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "foretoken",
            abstract: "Train multi-token prediction language models, and decode several tokens per forward pass.",
            discussion: """
                A model has a shared trunk and n prediction heads: head 1 predicts the next token, head i the i-th token ahead. \
                When decoding, head 1 chooses every token and the other heads draft the following ones, so the text is that of \
                next-token decoding.

                From source files to generated text:
                  foretoken prepare src/ --extension py --out data/code
                  foretoken train Recipes/demo.yaml --out runs/demo
                  foretoken generate --model runs/demo --prompt 'def '

                With --json, the last line of standard output is one JSON object. Logs go to standard error.
                Exit codes: 0 success, 1 failure, 64 wrong usage, 130 interrupted.

                Shell completion (bash, zsh or fish):
                  foretoken --generate-completion-script bash > ~/.local/share/bash-completion/completions/foretoken
                """,
            version: "0.1.0 (unreleased)",
            subcommands: [Prepare.self]
                + (TorchCommands.present?.commands ?? [TorchOnly.Train.self, TorchOnly.Study.self])
                + [Generate.self, Chat.self, Evaluate.self, Inspect.self, Convert.self, Bench.self, Report.self])
    }
}

/// Sets up the process: to be called first in `main`, before anything is awaited.
package func prepareProcess() { Startup.prepareProcess() }

/// Runs the command that the process's arguments name, and exits with its exit code.
///
/// - Parameters:
///   - torch: the commands and functions that need LibTorch; nil in `foretoken`.
///   - prepare: called before a command is parsed.
package func runForetoken(torch: TorchCommands? = nil, prepare: @Sendable () throws -> Void = {}) async {
    TorchCommands.present = torch
    if torch != nil { unsetenv(TorchProgram.marker) }
    do {
        try Startup.checkInvocation()
        var arguments = Array(CommandLine.arguments.dropFirst())
        if torch == nil {
            // Before standard input or the parent process is touched: the other program starts from the beginning.
            let wantsHelp = arguments.first == "help" || arguments.contains("--help") || arguments.contains("-h")
            if let command = TorchProgram.command(in: arguments) {
                if wantsHelp, !TorchProgram.exists {
                    arguments = ["help"] + command.split(separator: " ").map(String.init)
                } else {
                    try TorchProgram.replaceThisProcess(for: "'foretoken \(command)'")
                }
            }
            if let device = TorchProgram.device(in: arguments), !wantsHelp {
                try TorchProgram.replaceThisProcess(for: "--device \(device)")
            }
            // `foretoken-torch` has all commands, so its completion script is the complete one.
            if arguments.first?.hasPrefix("--generate-completion-script") == true,
                TorchProgram.exists
            {
                try TorchProgram.replaceThisProcess(for: "the completion script")
            }
        }
        Lifeline.follow()
        try prepare()
        var command = try Foretoken.parseAsRoot(arguments)
        if var asynchronous = command as? any AsyncParsableCommand {
            try await asynchronous.run()
        } else {
            try command.run()
        }
        try Startup.finishOutput()
    } catch let error as CocoaError {
        let path = error.filePath ?? error.url?.relativePath
        Foretoken.exit(
            withError: CommandFailure(description: (path.map { "\($0): " } ?? "") + error.systemReason))
    } catch {
        Foretoken.exit(withError: error)
    }
}
