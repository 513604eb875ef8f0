import ArgumentParser
import ForetokenModel
import ForetokenText
import Foundation

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a run, a model folder, a recipe or a token shard as a table.",
        discussion: """
            Of a model: every parameter with its group (embedding, trunk, head i, unembedding), shape and number of elements. \
            Of a recipe: the parameters of the model that it would train, the memory of a training step, and, of several \
            sources, how often each would be read. Of a shard: counts, document lengths, and the beginning of one document.

            Examples:
              foretoken inspect runs/demo
              foretoken inspect Recipes/demo.yaml
              foretoken inspect Recipes/large.yaml --world 8
              foretoken inspect data/demo/train.tokens
              foretoken inspect data/demo/train.tokens --document 7
            """)

    @Argument(help: "A run or model folder, a .gguf file, a .yaml recipe or a .tokens shard.")
    var path: Path
    @Option(
        parsing: .unconditional,
        help: "The document of a shard to show the beginning of, counted from 0; one of median length if omitted.")
    var document: Int?
    @Flag(help: "Print a shard's summary as one JSON object.")
    var json = false

    @Option(
        help:
            "Number of ranks that share a recipe's batch: shows each rank's memory, without the parameters; 1 if omitted."
    )
    var world: Int?

    func validate() throws {
        try require(document, "--document", in: 0...(.max))
        try require(world, "--world", in: 1...1 << 20)
    }

    func run() throws {
        let url = path.url
        switch url.pathExtension {
        case "tokens":
            let summary = try ShardSummary(TokenShard(contentsOf: url), document: document)
            try show(ShardSummaryOutput(summary: summary), asJSON: json)
        case "yaml", "yml":
            print(try TorchCommands.required(for: "inspecting a recipe").inspectRecipe(url, world))
        default:
            print(try ModelTable(ModelFolder.configuration(of: ModelFolder.locate(url))).terminalText)
        }
    }
}
