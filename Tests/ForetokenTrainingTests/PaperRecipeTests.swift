import ForetokenModel
import ForetokenText
import Foundation
import Testing

@testable import ForetokenTraining

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Recipes")

/// Table S14: width, layers, attention heads; millions of parameters beside embedding and unembedding, by SwiGLU's rule.
private let architectures: [(name: String, width: Int, layers: Int, heads: Int, millions: Double)] = [
    ("1M", 128, 5, 4, 1.3), ("3M", 256, 4, 8, 3.4), ("10M", 384, 6, 8, 10.6), ("30M", 512, 10, 8, 34.1),
    ("100M", 768, 14, 12, 99.1), ("300M", 1024, 25, 16, 321), ("1B", 1536, 36, 24, 1019), ("0.3B", 1024, 18, 16, 231),
    ("0.6B", 1280, 27, 20, 549), ("1.3B", 2048, 24, 16, 1233), ("3B", 2560, 36, 20, 2855), ("6.7B", 4096, 32, 32, 6476),
    ("13B", 5120, 40, 40, 12_688),
]

/// Table S13: the recipe's name, its architecture (none for fine-tuning), millions of 2^20 tokens a step, steps, warm-up,
/// peak, context, floor.
private struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let architecture: String?
    let batch: Double
    let steps: Int
    let warmUp: Int
    let peak: Double
    let context: Int
    let floor: Double
    var testDescription: String { name }

    init(
        _ name: String, _ architecture: String?, _ batch: Double, _ steps: Int, _ warmUp: Int, _ peak: Double,
        _ context: Int, _ floor: Double
    ) {
        (self.name, self.architecture, self.batch, self.steps) = (name, architecture, batch, steps)
        (self.warmUp, self.peak, self.context, self.floor) = (warmUp, peak, context, floor)
    }
}

private let rows =
    ["0.3B", "0.6B", "1.3B", "3B"].map { Row("scaling-\($0.lowercased())", $0, 8, 10_850, 1000, 3e-4, 4096, 0.03) }
    + [
        Row("scaling-6.7b", "6.7B", 8, 25_000, 2000, 3e-4, 4096, 0.03),
        Row("scaling-13b", "13B", 8, 25_000, 1000, 3e-4, 4096, 0.03),
        Row("code-7b-200b", "6.7B", 8, 25_000, 2000, 3e-4, 4096, 0.03),
        Row("code-7b-500b", "6.7B", 7, 68_570, 2000, 3e-4, 4096, 0.03),
        Row("code-7b-1t", "6.7B", 7, 136_240, 2000, 3e-4, 4096, 0.03),
        Row("bytes-7b", "6.7B", 12, 25_000, 2000, 3e-4, 8192, 0.03),
        Row("language-7b-200b", "6.7B", 8, 25_000, 2000, 3e-4, 4096, 0.1),
        Row("language-7b-500b", "6.7B", 8, 60_000, 2000, 3e-4, 4096, 0.1),
    ]
    + ["1M", "3M", "10M", "30M", "100M", "300M", "1B"].map {
        Row("induction-\($0.lowercased())", $0, 0.25, 100_000, 2000, 1e-4, 2048, 0.03)
    }
    + [
        Row("induction-books", "30M", 0.5, 50_000, 2000, 1e-4, 2048, 0.03),
        Row("arithmetic-30m", "30M", 0.25, 100_000, 2000, 1e-4, 1024, 0.03),
        Row("arithmetic-100m", "100M", 0.25, 100_000, 2000, 1e-4, 2048, 0.03),
        Row("codecontests-7b", nil, 0.25, 13_000, 400, 5e-5, 4096, 0.004),
    ]
    + [
        ("bigpatent", 76_680), ("cnn-dailymail", 7140), ("multi-news", 3330), ("orangesum", 360), ("pn-summary", 3450),
        ("samsum", 60), ("thaisum", 23_640), ("wikisummary", 2550), ("xsum", 2760),
    ].map { Row("summaries-\($0.0)", nil, 0.125, $0.1, min(100, $0.1 - 1), 3e-5, 4096, 0.03) }

private func files(_ folder: String) throws -> [String] {
    let url = root.appendingPathComponent(folder)
    return try FileManager.default.contentsOfDirectory(atPath: url.path).filter { $0.hasSuffix(".yaml") }.sorted()
}

@Suite struct PaperRecipeTests {
    @Test func everyRowHasARecipeAndASibling() throws {
        let expected = rows.map { "\($0.name).yaml" }.sorted()
        #expect(try files("paper") == expected)
        #expect(try files("paper/small") == expected)
    }

    @Test(arguments: rows)
    private func recipesSayWhatTheTablesSay(row: Row) throws {
        let recipe = try Recipe(contentsOf: root.appendingPathComponent("paper/\(row.name).yaml"))
        let training = recipe.training
        let tokens = training.batchSize * training.accumulation * recipe.model.contextLength
        #expect(Double(tokens) == row.batch * 0x1p20)
        #expect(
            training.steps == row.steps && training.warmUpSteps == row.warmUp
                && recipe.model.contextLength == row.context)
        #expect(training.learningRate == row.peak && training.finalLearningRateRatio == row.floor)
        #expect(training.betas == [0.9, 0.95] && training.weightDecay == 0.1 && training.schedule == .cosine)
        #expect(training.clip == (row.name == "codecontests-7b" ? 0.1 : 1) && training.headWeights == .uniform)
        #expect((recipe.model.unembedding == .replicated) == (row.name == "bytes-7b"))
        #expect((recipe.start.from != nil) == (row.architecture == nil))
        guard let size = architectures.first(where: { $0.name == row.architecture }) else { return }
        #expect(recipe.model.width == size.width && recipe.model.layers == size.layers)
        #expect(recipe.model.attentionHeads == size.heads)
        // The same number of parameters whatever n, up to the unembeddings.
        for heads in [1, recipe.model.heads] {
            var other = recipe
            other.model.heads = heads
            var configuration = other.configuration(for: ByteTokenizer())
            configuration.vocabulary = 32_000
            let tables = (1 + (recipe.model.unembedding == .replicated ? heads : 1)) * 32_000 * size.width
            let parameters = try MemoryEstimate(other, configuration: configuration).weights / 4 - tables
            // The table counts matrices, and to its last digit.
            #expect(abs(Double(parameters) / 1e6 / size.millions - 1) < 0.03, "n = \(heads): \(parameters)")
            let norms = (2 * size.layers + 1) * size.width
            let digits = size.millions < 100 ? 0.05 : 0.5
            #expect(abs(Double(parameters - norms) / 1e6 - size.millions) <= digits + 1e-9)
        }
    }

    /// The siblings train on bytes: a few million parameters, what the paper's recipe has of heads and schedule.
    @Test(arguments: rows)
    private func siblingsFitTwoCores(row: Row) throws {
        let recipe = try Recipe(contentsOf: root.appendingPathComponent("paper/\(row.name).yaml"))
        let small = try Recipe(contentsOf: root.appendingPathComponent("paper/small/\(row.name).yaml"))
        #expect(small.model.heads == recipe.model.heads && small.model.unembedding == recipe.model.unembedding)
        #expect(small.training.finalLearningRateRatio == row.floor && small.training.clip == recipe.training.clip)
        #expect((small.start.from == nil) == (recipe.start.from == nil))
        if small.start.from == nil {
            let configuration = small.configuration(for: ByteTokenizer())
            #expect(try MemoryEstimate(small, configuration: configuration).peak < 1 << 29)
        }
        #expect(try #require(small.training.steps) <= 2000)
    }
}
