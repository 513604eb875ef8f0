import ArgumentParser
import ForetokenFiles
import ForetokenText
import Foundation

struct Foretoken: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "foretoken",
            abstract: "Train multi-token prediction language models, and decode them several tokens a forward pass.",
            discussion: """
                A model has one shared trunk and n heads: head 1 predicts the next token, head i the i-th token ahead. When \
                decoding, head 1 decides every token and the others propose, so the text is that of next-token decoding.

                From text to text:
                  foretoken prepare src/ --extension py --out data/code
                  foretoken train Recipes/demo.yaml --out runs/demo
                  foretoken generate --model runs/demo --prompt 'def '

                --json makes the last line of standard output one JSON object; logs go to standard error.
                Exit codes: 0 done, 1 failed, 64 bad usage, 130 interrupted.

                Completion for your shell (bash, zsh or fish):
                  foretoken --generate-completion-script bash > ~/.local/share/bash-completion/completions/foretoken
                """,
            version: "0.1.0 (unreleased)",
            subcommands: [Prepare.self]
                + (TorchCommands.present?.commands ?? [TorchOnly.Train.self, TorchOnly.Study.self])
                + [Generate.self, Evaluate.self, Inspect.self, Convert.self, Bench.self, Report.self])
    }
}

/// Makes a process ready that anybody started: to be called first of all, before anything is awaited.
package func prepareProcess() { Startup.prepareProcess() }

/// Runs the command that the process's arguments name, and ends with its exit code.
///
/// - Parameters:
///   - torch: what needs LibTorch, in a program that has it.
///   - prepare: what that program does before a command runs.
package func runForetoken(torch: TorchCommands? = nil, prepare: @Sendable () throws -> Void = {}) async {
    TorchCommands.present = torch
    if torch != nil { unsetenv(TorchProgram.marker) }
    do {
        try Startup.checkInvocation()
        var arguments = Array(CommandLine.arguments.dropFirst())
        if torch == nil {
            // Before anything is read or watched: the other program begins anew.
            let wantsHelp = arguments.first == "help" || arguments.contains("--help") || arguments.contains("-h")
            if let command = TorchProgram.command(in: arguments) {
                if wantsHelp, !TorchProgram.isThere {
                    arguments = ["help"] + command.split(separator: " ").map(String.init)
                } else {
                    try TorchProgram.replaceThisProcess(for: "'foretoken \(command)'")
                }
            }
            if let device = TorchProgram.device(in: arguments), !wantsHelp {
                try TorchProgram.replaceThisProcess(for: "--device \(device)")
            }
            // The script of the program that has all commands, where it is there.
            if arguments.first?.hasPrefix("--generate-completion-script") == true,
                TorchProgram.isThere
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
