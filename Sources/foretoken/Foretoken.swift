import ArgumentParser

@main
struct Foretoken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "foretoken",
        abstract: "Train multi-token prediction language models, and decode them several tokens a forward pass.",
        discussion: """
            From text to text:
              foretoken prepare src/ --extension py --out data/code
              foretoken train Recipes/demo.yaml --out runs/demo
              foretoken generate --model runs/demo --prompt 'def '

            --json makes the last line of standard output one JSON object; logs go to standard error.
            Exit codes: 0 done, 1 failed, 64 bad usage, 130 interrupted.
            """,
        subcommands: [Prepare.self, Train.self, Generate.self, Evaluate.self, Inspect.self, Bench.self])
}
