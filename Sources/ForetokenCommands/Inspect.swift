import ArgumentParser
package import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a run, a model folder, a recipe or a token shard as a table.",
        discussion: """
            Of a model: every parameter with its group (embedding, trunk, head i, unembedding), shape and count. A recipe is \
            shown as the model it would make, which tells its size before training, and how often it would see each of \
            several sources. Of a shard: counts, the lengths of its documents, and the beginning of one of them as text.

            Examples:
              foretoken inspect runs/demo
              foretoken inspect Recipes/demo.yaml
              foretoken inspect Recipes/large.yaml --world 8
              foretoken inspect data/demo/train.tokens
              foretoken inspect data/demo/train.tokens --document 7
            """)

    @Argument(help: "A run or model folder, a .yaml recipe or a .tokens shard.")
    var path: Path
    @Option(parsing: .unconditional, help: "Of a shard, the document whose beginning is shown; counted from 0.")
    var document: Int?
    @Flag(help: "Of a shard, print one JSON object.")
    var json = false

    @Option(help: "Of a recipe: the memory of each of so many ranks, without the table of parameters.")
    var world: Int?

    func validate() throws {
        try require(document, "--document", in: 0...(.max))
        try require(world, "--world", in: 1...1 << 20)
    }

    func run() throws {
        let url = path.url
        switch url.pathExtension {
        case "tokens":
            try ShardSummary(TokenShard(contentsOf: url), document: document).show(json: json)
        case "yaml", "yml":
            try TorchCommands.required(for: "inspecting a recipe").inspectRecipe(url, world)
        default:
            try Self.show(try ModelFolder.configuration(of: ModelFolder.locate(url)))
        }
    }

    /// Every parameter of a shape.
    static func show(_ configuration: ModelConfiguration) throws {
        let model = try ModelOutline(configuration)
        var table = TextTable(["parameter", "group", "shape", "count"])
        var totals: [(ParameterGroup, Int)] = []
        for parameter in model.parameters {
            let count = parameter.count
            let shape = parameter.shape.map(String.init).joined(separator: "x")
            table.add([parameter.name, parameter.group.description, shape, String(count)])
            if totals.last?.0 == parameter.group {
                totals[totals.count - 1].1 += count
            } else {
                totals.append((parameter.group, count))
            }
        }
        print(table.terminalText)
        print("")
        var summary = TextTable(["group", "parameters"])
        for (group, count) in totals { summary.add([group.description, String(count)]) }
        summary.add(["total", String(model.parameters.reduce(0) { $0 + $1.count })])
        print(summary.terminalText)
        print(
            "\n\(configuration.heads) \(configuration.headKind.rawValue) heads on \(configuration.trunkLayers) trunk layers, "
                + "next-token decoding runs \(configuration.nextTokenLayers) of \(configuration.layers), "
                + "width \(configuration.width), context \(configuration.context), vocabulary \(configuration.vocabulary)"
        )
    }
}

/// Prints every parameter of a shape, as `foretoken inspect` does.
package func showParameters(of configuration: ModelConfiguration) throws { try Inspect.show(configuration) }
