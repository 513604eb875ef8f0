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
            shown as the model it would make, which tells its size before training.

            Examples:
              foretoken inspect runs/demo
              foretoken inspect Recipes/demo.yaml
              foretoken inspect Recipes/large.yaml --world 8
              foretoken inspect data/demo/train.tokens
            """)

    @Argument(help: "A run or model folder, a .yaml recipe or a .tokens shard.")
    var path: Path

    @Option(help: "Of a recipe: the memory of each of so many ranks, without the table of parameters.")
    var world: Int?

    func validate() throws { try require(world, "--world", in: 1...1 << 20) }

    func run() throws {
        let url = path.url
        switch url.pathExtension {
        case "tokens":
            let shard = try TokenShard(contentsOf: url)
            var table = TextTable(["shard", url.lastPathComponent])
            table.add(["tokenizer", shard.tokenizerName])
            table.add(["documents", String(shard.documentCount)])
            table.add(["tokens", String(shard.tokenCount)])
            table.add(["bytes of a token", String(shard.tokenWidth)])
            print(table.terminalText)
        case "yaml", "yml":
            let recipe = try Recipe(contentsOf: url)
            let configuration = try recipe.configuration(for: recipe.dataTokenizer())
            if world == nil { try show(configuration) }
            show(MemoryEstimate(recipe, configuration: configuration, ranks: world ?? 1))
        default:
            try show(try ModelFolder.readConfiguration(RunFolder.modelFolder(at: url)))
        }
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
        let model = try MultiTokenModel(configuration, seed: nil)
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
