import ForetokenFiles
import ForetokenModel
import ForetokenPlatform
import ForetokenText
import Foundation
import Testing

@testable import ForetokenDecoding

/// Makes the fixtures anew; runs only where the environment asks for it, see `Fixtures/draft-length/README.md`.
@Suite(.serialized) struct RecordingTool {
    private static let wanted = ProcessInfo.processInfo.environment["FORETOKEN_RECORD"] ?? ""
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let folder = root.appendingPathComponent("Tests/ForetokenDecodingTests/Fixtures/draft-length")

    private static func published() throws -> any WeightSource {
        try ModelFolder.source(root.appendingPathComponent("Models/python-bytes"))
    }

    /// Texts of 240 tokens for the prompts of each file that is there.
    @Test(.enabled(if: wanted == "drafts")) func recordDrafts() throws {
        for name in ["code", "code-sampled", "code-hot", "prose-sampled", "untrained-heads"] {
            var recording = try JSONDecoder().decode(
                DraftRecording.self, from: Data(contentsOf: Self.folder.appendingPathComponent("\(name).json")))
            let source = try Self.published()
            let model =
                try name == "untrained-heads"
                ? DecodeModel(reading: UntrainedHeads(source)) : DecodeModel(reading: source)
            recording.accepted = try recording.prompts.map {
                let request = GenerationRequest(
                    prompt: Array($0.utf8).map(Int32.init), maximumTokens: 240, heads: recording.heads,
                    sampler: Sampler(temperature: recording.temperature, seed: 1))
                return try acceptedDrafts(model, request).map(String.init).joined()
            }
            try Self.write(recording, name)
        }
    }

    @Test(.enabled(if: wanted == "times")) func recordTimes() throws {
        try recordTimes(
            DecodeModel(reading: Self.published()), "python-bytes, 4 million parameters, f32", "times-cached")
        let shape = ModelConfiguration(
            vocabulary: 32_000, width: 512, layers: 8, attentionHeads: 8, heads: 8, headKind: .linear,
            contextLength: 512)
        try recordTimes(
            DecodeModel(reading: RandomWeights(shape)), "random weights, V 32,000, width 512, 8 layers, f32",
            "times-memory-bound")
    }

    /// Passes of one token back to back, while another program keeps one core busy.
    @Test(.enabled(if: wanted == "interference")) func recordInterference() throws {
        let model = try DecodeModel(reading: Self.published())
        let engine = DecodeEngine(model)
        var recording = InterferenceRecording(quiet: 0, passes: [])
        let clock = ContinuousClock()
        var last = clock.now
        while recording.passes.count < 6000 {
            let request = GenerationRequest(
                prompt: Self.prompt(model), maximumTokens: 300, heads: 1, sampler: Sampler(temperature: 0))
            let sequence = try DecodingSequence(model, request, tokenizer: ByteTokenizer(), allocator: engine.allocator)
            while sequence.isPrefilling { try engine.step([sequence]) }
            last = clock.now
            while !sequence.isFinished {
                try engine.step([sequence])
                let now = clock.now
                recording.passes.append(Int((now - last).inSeconds * 1e7))
                last = now
            }
        }
        recording.quiet = recording.passes.sorted()[recording.passes.count / 5]
        try Self.write(recording, "interference")
    }

    private func recordTimes(_ model: DecodeModel, _ name: String, _ file: String) throws {
        let recording = PassTimeRecording(
            model: name, processor: "AMD EPYC, family 25 model 17", threads: 2, filled: 128,
            single: try times(model, sequences: 1, rounds: 200), batch: try times(model, sequences: 4, rounds: 80))
        try Self.write(recording, file)
    }

    private func times(_ model: DecodeModel, sequences count: Int, rounds: Int) throws -> PassTimes {
        let allocator = BlockAllocator(model)
        let drafter = ProposalTimer(model.makeDrafter(allocator))
        let engine = DecodeEngine(model, allocator: allocator, drafter: drafter)
        let heads = model.configuration.heads
        let prompt = Self.prompt(model)
        let request = GenerationRequest(
            prompt: prompt, maximumTokens: 256, heads: heads, sampler: Sampler(temperature: 0))
        let base = try DecodingSequence(model, request, tokenizer: ByteTokenizer(), allocator: allocator)
        while base.isPrefilling { try engine.step([base]) }
        let most = count * (heads - 1)
        var times = PassTimes(
            sequences: count, passes: Array(repeating: [], count: most + 1),
            drafting: Array(repeating: Array(repeating: [], count: heads - 1), count: count))
        // The first rounds touch memory that the later ones find. The order changes, so that nothing is always measured after
        // the same.
        for round in -5..<rounds {
            for extra in (0...most).map({ (5 * $0 + round + 5) % (most + 1) }) {
                let sequences = try (0..<count).map { index in
                    let sequence = try DecodingSequence(model, forking: base, request, length: prompt.count - 1)
                    sequence.drafts = Array(prompt.prefix(extra / count + (index < extra % count ? 1 : 0)))
                    return sequence
                }
                let drafting = (sequences: extra % count + 1, length: extra / count + 1)
                let isDrafting = extra < most
                drafter.counts = (0..<count).map { isDrafting && $0 < drafting.sequences ? drafting.length : 0 }
                drafter.seconds = 0
                let begin = ContinuousClock().now
                try engine.step(sequences)
                let seconds = (ContinuousClock().now - begin).inSeconds
                guard round >= 0 else { continue }
                times.passes[extra].append(Int((seconds - drafter.seconds) * 1e7))
                if isDrafting {
                    times.drafting[drafting.sequences - 1][drafting.length - 1].append(Int(drafter.seconds * 1e7))
                }
            }
        }
        return times
    }

    private static func prompt(_ model: DecodeModel) -> [Int32] {
        (0..<128).map { Int32(truncatingIfNeeded: $0 * 7919 + 11) % Int32(model.configuration.vocabulary) }
    }

    private static func write(_ recording: some Encodable, _ name: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(recording).write(to: folder.appendingPathComponent("\(name).json"))
    }
}

/// Times proposals of the numbers of drafts that it is told.
private final class ProposalTimer: Drafter {
    private let heads: any Drafter
    var counts: [Int] = []
    var seconds = 0.0

    init(_ heads: any Drafter) { self.heads = heads }

    func advance(
        _ sequence: DecodingSequence, _ sources: [UnsafeMutablePointer<Float>], rows: Int, position: Int
    ) throws {
        try heads.advance(sequence, sources, rows: rows, position: position)
    }

    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws {
        let chosen = zip(sequences, self.counts).filter { $1 > 0 }
        guard !chosen.isEmpty else { return }
        let begin = ContinuousClock().now
        try heads.propose(chosen.map(\.0), counts: chosen.map(\.1))
        seconds = (ContinuousClock().now - begin).inSeconds
    }
}

/// A model whose drafting heads have learnt nothing: linear heads with random weights on the trained trunk and head 1.
private struct UntrainedHeads: WeightSource {
    private let source: any WeightSource
    private let random: RandomWeights
    /// Parameters of heads 2, 3, ….
    private let drafting: Set<String>

    init(_ source: any WeightSource) throws {
        self.source = source
        random = try RandomWeights(source.configuration)
        drafting = Set(
            try ModelOutline(source.configuration).parameters.filter {
                if case .head(let head) = $0.group { head > 1 } else { false }
            }.map(\.name))
    }

    var configuration: ModelConfiguration { source.configuration }
    var file: String { source.file }

    func weight(_ parameter: String) throws -> StoredWeight {
        try drafting.contains(parameter) ? random.weight(parameter) : source.weight(parameter)
    }

    func withBytes<Result>(of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try drafting.contains(parameter)
            ? random.withBytes(of: parameter, body) : source.withBytes(of: parameter, body)
    }
}
