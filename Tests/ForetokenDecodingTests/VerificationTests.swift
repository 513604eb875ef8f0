import CKernels
import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation
import Testing

@testable import ForetokenDecoding

@Suite(.serialized) struct VerificationTests {
    /// Against next-token decoding of a rule that looks at all tokens before.
    @Test func verifiedTokensAreThoseOfTheRule() {
        var generator = SplitMix64(seed: 7)
        for _ in 0..<2000 {
            let modulus = Int32(2 + generator.next() % 3)
            func next(_ before: [Int32]) -> Int32 { (before.reduce(1) { $0 &* 31 &+ $1 } & 0xFFFF) % modulus }
            let drafts = (0..<Int(generator.next() % 6)).map { _ in Int32(generator.next() % UInt64(modulus)) }
            var rows: [Int] = []
            let found = verify(drafts: drafts) { row, before in
                rows.append(row)
                #expect(before == Array(drafts.prefix(row)))
                return next(before)
            }
            var expected: [Int32] = []
            repeat {
                expected.append(next(expected))
            } while expected.count <= drafts.count
                && expected.last == drafts[expected.count - 1]
            #expect(found == Verification(tokens: expected, accepted: expected.count - 1))
            #expect(rows == Array(0..<expected.count), "a row behind the first wrong draft was looked at")
        }
    }

    @Test func aRowWithoutNumbersEndsTheBlockBeforeIt() {
        let tokens: [Int32?] = [5, 6, nil, 8]
        #expect(
            verify(drafts: [5, 6, 7]) { row, _ in tokens[row] }
                == Verification(tokens: [5, 6], accepted: 2, hasInvalidLogits: true))
        #expect(verify(drafts: [5, 9, 7]) { row, _ in tokens[row] } == Verification(tokens: [5, 6], accepted: 1))
        #expect(verify(drafts: [1]) { _, _ in nil } == Verification(hasInvalidLogits: true))
    }

    /// A backend whose logits are NaN from a position on.
    private final class BrokenBackend: DecodeBackend, @unchecked Sendable {
        private let whole: any DecodeBackend
        private let first: Int
        init(_ whole: any DecodeBackend, from first: Int) { (self.whole, self.first) = (whole, first) }
        var format: WeightFormat { whole.format }
        var isExact: Bool { whole.isExact }
        func byteCount(of block: BlockID) -> Int { whole.byteCount(of: block) }
        func byteCount(of matrix: MatrixID) -> Int { whole.byteCount(of: matrix) }
        func embed(_ tokens: [Int32], into rows: UnsafeMutablePointer<Float>) { whole.embed(tokens, into: rows) }
        func scale(of norm: NormID) -> UnsafePointer<Float> { whole.scale(of: norm) }
        func makePageMemory() -> any PageMemory { whole.makePageMemory() }
        func run(_ operations: [PassOperation], on memory: any PageMemory) throws {
            try whole.run(operations, on: memory)
            var table: (rows: UnsafePointer<AttentionMetadata>, count: Int)?
            for operation in operations {
                switch operation.kind {
                case .block(_, _, let rows?, _): table = (rows, operation.rows)
                case .gemm(.unembedding(1), .final):
                    guard let table else { continue }
                    for row in 0..<operation.rows
                    where Int(table.rows[table.count - operation.rows + row].position) >= first {
                        (operation.y + row * 258).update(repeating: .nan, count: 258)
                    }
                default: break
                }
            }
        }
    }

    /// Speculative decoding must fail exactly if next-token decoding reaches the NaN row.
    @Test(arguments: [HeadKind.parallel, .linear, .causal])
    func rowsAfterTheEndHaveNoEffect(kind: HeadKind) throws {
        let model = try DecodeModel(reading: TinyModels.trained(kind, heads: 4))
        let start = prompt("for i in range(10):\n    print(i")
        let whole = try decode(model, GenerationRequest(prompt: start, maximumTokens: 24, heads: 1))
        var (ended, failed) = (0, 0)
        for length in 1..<18 {
            let stop = String(decoding: Array(whole.0.utf8.prefix(length).suffix(4)), as: UTF8.self)
            for bad in (-4...1).map({ start.count + length + $0 }) where bad > start.count {
                func outcome(heads: Int) throws -> (String, [Int32], String) {
                    let broken = DecodeModel(model.configuration, backend: BrokenBackend(model.backend, from: bad - 1))
                    let request = GenerationRequest(
                        prompt: start, maximumTokens: 24, heads: heads, stopStrings: [stop])
                    let session = try DecodingSession(broken, request, tokenizer: ByteTokenizer())
                    var (text, error) = ("", "")
                    do {
                        while let pieces = try session.step() { text += pieces.map(\.text).joined() }
                    } catch {
                        return (text, session.statistics.tokens, "\(error)")
                    }
                    error = session.statistics.stopReason?.rawValue ?? ""
                    return (text, session.statistics.tokens, error)
                }
                let (nextToken, speculative) = (try outcome(heads: 1), try outcome(heads: 4))
                #expect(speculative.1 == nextToken.1 && speculative.2 == nextToken.2)
                if nextToken.2 == "stopString" { ended += 1 } else { failed += 1 }
            }
        }
        #expect(ended > 10 && failed > 10, "\(ended) ended, \(failed) failed")
    }

    @Test func ofStopStringsCompletedByTheSameByteTheLongestCounts() {
        for stops in [["d", "end", "nd"], ["end", "nd", "d"], ["nd", "d", "end"]] {
            var assembler = TextAssembler(stopStrings: stops)
            var (text, isStopped) = ("", false)
            for byte in Array("the end".utf8) {
                let (pieces, stop) = assembler.push([byte], TextPiece(token: Int32(byte)))
                text += pieces.map(\.text).joined()
                if let stop {
                    #expect(stop == "end")
                    isStopped = true
                }
            }
            #expect(isStopped && text + assembler.finish().map(\.text).joined() == "the ")
        }
    }

    @Test func settingsBeyondFloat32AreRefused() throws {
        let model = try DecodeModel(reading: TinyModels.trained(.linear, heads: 2))
        var samplers = [Sampler](repeating: Sampler(), count: 5)
        samplers[0].logitBias = [7: 1e39]
        samplers[1].logitBias = [7: -.infinity]
        samplers[2].presencePenalty = 1e300
        samplers[3].frequencyPenalty = -1e39
        samplers[4].repetitionPenalty = 1e-50
        for sampler in samplers {
            let request = GenerationRequest(prompt: [1], maximumTokens: 1, heads: 1, sampler: sampler)
            #expect(throws: DecodingError.self) { try DecodingSession(model, request, tokenizer: ByteTokenizer()) }
        }
    }

    @Test(arguments: [(0, 64), (16, 0), (-1, -1)]) @ComputeActor
    func limitsOfZeroAreRefused(limit: (sequences: Int, blocks: Int)) throws {
        var limits = BatchEngine.Limits()
        (limits.sequences, limits.blocksAhead) = limit
        let engine = BatchEngine(
            try DecodeModel(reading: TinyModels.trained(.linear, heads: 2)), tokenizer: ByteTokenizer(), limits: limits)
        #expect(throws: DecodingError.self) {
            try engine.submit(GenerationRequest(prompt: [1], maximumTokens: 1, heads: 1))
        }
    }

    /// Memory runs out, before a pass and while weights are packed: an error, and later requests work.
    @Test func endOfMemoryIsAnError() throws {
        let source = try TinyModels.trained(.linear, heads: 2)
        let model = try DecodeModel(reading: source)
        let request = GenerationRequest(prompt: prompt("x"), maximumTokens: 4, heads: 2)
        let expected = try decode(model, request).1.tokens
        HostMemory.setLimit(bytes: HostMemory.current)
        defer { HostMemory.setLimit(bytes: nil) }
        #expect(throws: DecodingError.self) { try decode(model, request) }
        #expect(throws: DecodingError.self) { try DecodeModel(reading: source) }
        HostMemory.setLimit(bytes: nil)
        #expect(try decode(model, request).1.tokens == expected)
    }
}

@Suite(.serialized) struct LanguageModelTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Models/python-bytes").standardizedFileURL

    @Test func aFolderGivesText() async throws {
        let model = try LanguageModel(folder: Self.folder)
        let prompt = "def add(a, b):\n"
        let drafted = try await model.text(prompt, maximumTokens: 40)
        let session = try DecodingSession(
            model.model, model.request(prompt, maximumTokens: 40, heads: 1), tokenizer: model.tokenizer)
        var text = ""
        while let pieces = try session.step() { text += pieces.map(\.text).joined() }
        #expect(drafted == text && !text.isEmpty)
        var pieces: [TextPiece] = []
        for try await block in try await model.stream(prompt, maximumTokens: 40, heads: 3) { pieces += block }
        #expect(pieces.map(\.text).joined() == text && pieces.contains { $0.isDraft })
    }

    @Test func anotherTokenizerIsRefused() throws {
        let model = try LanguageModel(folder: Self.folder)
        struct Other: Tokenizer {
            let bytes = ByteTokenizer()
            var name: String { "other" }
            var digest: String { "0000" }
            var definitionName: String { bytes.definitionName }
            var definition: [UInt8] { bytes.definition }
            var vocabularySize: Int { bytes.vocabularySize }
            var beginningOfText: Int32? { bytes.beginningOfText }
            var endOfText: Int32? { bytes.endOfText }
            func encode(_ text: [UInt8]) -> [Int32] { bytes.encode(text) }
            func bytes(of token: Int32) -> [UInt8] { bytes.bytes(of: token) }
        }
        #expect(throws: DecodingError.self) { try LanguageModel(model.model, tokenizer: Other()) }
    }
}
