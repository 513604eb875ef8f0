import ArgumentParser
import ForetokenFiles
import ForetokenText
import Foundation

@main
struct Foretoken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
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
        subcommands: [
            Prepare.self, Train.self, Generate.self, Evaluate.self, Inspect.self, Convert.self, Bench.self, Report.self,
            StudyCommand.self,
        ])

    static func main() async {
        do {
            try Startup.prepare()
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            try Startup.finishOutput()
        } catch let error as CocoaError {
            let path = error.filePath ?? error.url?.relativePath
            exit(withError: CommandFailure(description: (path.map { "\($0): " } ?? "") + error.systemReason))
        } catch {
            exit(withError: error)
        }
    }
}
