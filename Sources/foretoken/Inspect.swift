import ArgumentParser
import ForetokenModel
import ForetokenReport
import ForetokenText
import ForetokenTraining
import Foundation
import Torch

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
            let recipe = try Recipe(contentsOf: url)
            let configuration = try recipe.configuration(for: recipe.dataTokenizer())
            if world == nil { try show(configuration) }
            show(recipe)
            show(MemoryEstimate(recipe, configuration: configuration, ranks: world ?? 1))
        default:
            try show(try ModelFolder.configuration(of: RunFolder.modelFolder(at: url)))
        }
    }

    /// The sources of a mixture, if all of them are there.
    private func show(_ recipe: Recipe) {
        guard recipe.data.sources.count > 1, let tokenizer = try? recipe.dataTokenizer(),
            let loader = try? recipe.batchLoader(recipe.data.sources, tokenizer: tokenizer)
        else { return }
        let total = recipe.data.sources.reduce(0) { $0 + $1.weight }
        let samples = (recipe.training.steps ?? 0) * recipe.training.batchSize * recipe.training.accumulation
        var table = TextTable(["source", "share", "epochs"])
        for (source, epochs) in zip(recipe.data.sources, loader.epochs(afterSamples: samples)) {
            table.add([
                source.path, Formatting.percent(source.weight / total),
                samples > 0 ? Formatting.fixed(epochs, 2) : "by the time",
            ])
        }
        print("\n" + table.terminalText)
    }

    private func show(_ estimate: MemoryEstimate) {
        let ranks = world.map { ", each of \($0) ranks" } ?? ""
        var table = TextTable(["memory of a training step (CPU, float32)\(ranks)", "bytes"])
        table.add(["weights", Formatting.bytes(Double(estimate.weights))])
        table.add(["gradients", Formatting.bytes(Double(estimate.gradients))])
        table.add(["optimizer", Formatting.bytes(Double(estimate.optimizer))])
        table.add(["transient", Formatting.bytes(Double(estimate.transient))])
        table.add(["peak", Formatting.bytes(Double(estimate.peak))])
        print("\n" + table.text)
    }

    private func show(_ configuration: ModelConfiguration) throws {
        let model = try MultiTokenModel.outline(configuration)
        var table = TextTable(["parameter", "group", "shape", "count"])
        var totals: [(ParameterGroup, Int)] = []
        for parameter in model.parameters {
            let count = parameter.tensor.count
            let shape = parameter.tensor.shape.map(String.init).joined(separator: "x")
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
        summary.add(["total", String(model.parameters.reduce(0) { $0 + $1.tensor.count })])
        print(summary.terminalText)
        print(
            "\n\(configuration.heads) \(configuration.headKind.rawValue) heads on \(configuration.trunkLayers) trunk layers, "
                + "plain decoding runs \(configuration.decidingLayers) of \(configuration.layers), "
                + "width \(configuration.width), context \(configuration.context), vocabulary \(configuration.vocabulary)"
        )
    }
}
