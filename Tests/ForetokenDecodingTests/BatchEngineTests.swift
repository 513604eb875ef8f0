import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation
import Testing
import Torch

@testable import ForetokenDecoding

/// Deterministic random numbers.
private struct Numbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) | (state << 31)
    }
}

private func text(of stream: GenerationStream) async throws -> String {
    var text = ""
    for try await pieces in stream { text += pieces.map(\.text).joined() }
    return text
}

private let starts = ["for i", "print(", "x", "# the end", "\n\n    é", "for i in range(10):\n    print(i, i + 1, i"]

/// Settings of every kind of sampler.
private func samplers(seed: UInt64) -> [Sampler] {
    var filtered = Sampler(temperature: 0.9, seed: seed)
    (filtered.topK, filtered.topP, filtered.minP) = (20, 0.9, 0.01)
    var penalised = Sampler(temperature: 0.7, seed: seed)
    (penalised.repetitionPenalty, penalised.frequencyPenalty, penalised.presencePenalty) = (1.1, 0.2, 0.1)
    penalised.logitBias = [97: 2, 10: -1]
    var greedy = Sampler()
    greedy.frequencyPenalty = 0.5
    return [Sampler(), Sampler(temperature: 1, seed: seed), filtered, penalised, greedy]
}

@Suite(.serialized) @ComputeActor struct BatchEngineTests {
    /// 1,800 combinations: kind and n × prompt × sampler × heads used × fixed or adaptive, all in one engine at once.
    @Test(arguments: HeadKind.allCases, [2, 4])
    func textsEqualThoseOfNextTokenDecodingAlone(kind: HeadKind, heads: Int) async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(kind, heads: heads))
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer())
        var expected: [String] = []
        var streams: [GenerationStream] = []
        for (index, start) in starts.enumerated() {
            for sampler in samplers(seed: UInt64(index)) {
                var request = GenerationRequest(
                    prompt: prompt(start), maximumTokens: 25 + index, heads: 1, sampler: sampler)
                let alone = try decode(decoder, request).0
                for used in 1...heads {
                    for isAdaptive in [false, true] {
                        (request.heads, request.isAdaptive) = (used, isAdaptive)
                        streams.append(try engine.submit(request))
                        expected.append(alone)
                    }
                }
            }
        }
        for (stream, alone) in zip(streams, expected) { #expect(try await text(of: stream) == alone) }
        #expect(engine.counters.requestsEnded == streams.count)
        #expect(engine.counters.drafts.accepted > 0)
        #expect(engine.counters.reusedPromptTokens > 0, "the longest prompt is asked many times")
    }

    @Test(arguments: HeadKind.allCases)
    func completionsShareThePromptAndEqualSingleRequests(kind: HeadKind) async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(kind, heads: 3))
        var request = GenerationRequest(
            prompt: prompt("for i in range(10):\n    p"), maximumTokens: 20, heads: 3,
            sampler: Sampler(temperature: 1, seed: 7))
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer())
        let streams = try engine.submit(request, completions: 5)
        for (index, stream) in streams.enumerated() {
            request.sampler.seed = 7 + UInt64(index)
            #expect(try await text(of: stream) == decode(decoder, request).0)
        }
    }

    @Test func aRequestThatCannotFitIsRefusedAndOneThatMustWaitWaits() async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.parallel, heads: 2))
        var limits = BatchEngine.Limits()
        let pageBytes = BlockAllocator(decoder).bytesPerPage
        // Two pages of three next-token layers and one drafting head: 32 slots, one request at a time.
        limits.cacheBytes = 2 * 4 * pageBytes
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer(), limits: limits)
        let large = GenerationRequest(prompt: prompt("for i"), maximumTokens: 60, heads: 2)
        #expect(throws: DecodingError.self) { try engine.submit(large) }
        let small = GenerationRequest(prompt: prompt("for i"), maximumTokens: 20, heads: 2)
        let streams = try (0..<4).map { _ in try engine.submit(small) }
        let alone = try decode(decoder, small).0
        for stream in streams { #expect(try await text(of: stream) == alone) }
        #expect(engine.pagesInUse <= 2 * 4)
    }

    @Test func aSlowConsumerIsPausedAndDelaysNobody() async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 2))
        var limits = BatchEngine.Limits()
        limits.blocksAhead = 2
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer(), limits: limits)
        let request = GenerationRequest(prompt: prompt("print("), maximumTokens: 40, heads: 1)
        let slow = try engine.submit(request)
        let alone = try decode(decoder, request).0
        #expect(try await text(of: engine.submit(request)) == alone)
        #expect(await slow.statistics.tokens.count <= 8, "it must not run ahead of its consumer")
        #expect(try await text(of: slow) == alone)
    }

    /// Two unread requests fill the engine or the cache; the third one, which is read, must still finish.
    @Test(arguments: [true, false])
    func requestsThatNobodyReadsDoNotKeepOthersWaiting(isCacheFull: Bool) async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 2))
        var limits = BatchEngine.Limits()
        (limits.blocksAhead, limits.sequences) = (1, isCacheFull ? 16 : 2)
        let request = GenerationRequest(prompt: prompt("print("), maximumTokens: 40, heads: 1)
        let pages = 2 * decoder.cachedLayers(heads: 1)
        if isCacheFull { limits.cacheBytes = 2 * pages * BlockAllocator(decoder).bytesPerPage }
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer(), limits: limits)
        let unread = [try engine.submit(request), try engine.submit(request)]
        let alone = try decode(decoder, request).0
        #expect(try await text(of: engine.submit(request)) == alone)
        for stream in unread { #expect(try await stream.text() == alone) }
    }

    @Test func aSecondConsumerIsRefusedAndTheFirstContinues() async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 2))
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer())
        let request = GenerationRequest(prompt: prompt("print("), maximumTokens: 80, heads: 1)
        let stream = try engine.submit(request)
        let first = Task { try await stream.text() }
        while stream.request.consumer == nil, !stream.request.isEnded { await Task.yield() }
        try #require(stream.request.consumer != nil)
        await #expect(throws: DecodingError.self) { try await engine.rest(of: stream.request) }
        #expect(try await first.value == decode(decoder, request).0)
    }

    @Test func textsInOrderKeepThePassesFull() async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 2))
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer())
        // Longer than the text that may wait for a slow consumer.
        let request = GenerationRequest(
            prompt: prompt("x"), maximumTokens: 90, heads: 1, sampler: Sampler(temperature: 1, seed: 2))
        var (tokens, lines) = (0, 0)
        try await engine.runInOrder(0..<96, completions: 1) { line in
            var completion = request
            completion.sampler.seed = UInt64(line)
            return completion
        } shouldContinue: { _ in
            true
        } body: { line, text, statistics in
            #expect(line == lines)
            lines += 1
            tokens += statistics.tokens.count
        }
        #expect(lines == 96)
        #expect(Double(tokens) / Double(engine.counters.passes) > 0.75 * Double(engine.limits.sequences))
    }

    /// Waiting completions hold no cache except their group's prompt, which counts towards the limit.
    @Test(arguments: HeadKind.allCases, [1, 3])
    func manyCompletionsOfALongPromptStayWithinTheCache(kind: HeadKind, room: Int) async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(kind, heads: 3))
        var request = GenerationRequest(
            prompt: prompt(String(repeating: "for i in ", count: 8)), maximumTokens: 12, heads: 3,
            sampler: Sampler(temperature: 1, seed: 7))
        let slots = request.maximumSlots(contextLength: decoder.configuration.contextLength)
        let pages =
            (slots + BlockAllocator.slotsPerPage - 1) / BlockAllocator.slotsPerPage * decoder.cachedLayers(heads: 3)
        var limits = BatchEngine.Limits()
        limits.cacheBytes = room * pages * BlockAllocator(decoder).bytesPerPage
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer(), limits: limits)
        for (index, stream) in try engine.submit(request, completions: 20).enumerated() {
            request.sampler.seed = 7 + UInt64(index)
            let alone = try decode(decoder, request).0
            var text = ""
            for try await pieces in stream {
                text += pieces.map(\.text).joined()
                #expect(engine.pagesInUse <= room * pages)
            }
            #expect(text == alone)
        }
        #expect(engine.counters.requestsEnded == 20)
    }

    @Test func roomForARequestIsNotMadeFromThePrefixThatItNeeds() async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 2))
        var request = GenerationRequest(
            prompt: prompt(String(repeating: "for i in ", count: 8)), maximumTokens: 12, heads: 1)
        var limits = BatchEngine.Limits()
        let slots = request.maximumSlots(contextLength: decoder.configuration.contextLength)
        let pages =
            (slots + BlockAllocator.slotsPerPage - 1) / BlockAllocator.slotsPerPage * decoder.cachedLayers(heads: 1)
        limits.cacheBytes = pages * BlockAllocator(decoder).bytesPerPage
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer(), limits: limits)
        let first = try await engine.submit(request).text()
        request.sampler = Sampler(temperature: 1, seed: 1)
        _ = try await engine.submit(request).text()
        #expect(engine.counters.reusedPromptTokens == request.prompt.count - 1)
        request.sampler = Sampler()
        #expect(try await engine.submit(request).text() == first)
    }

    @Test func cancelledRequestsLeaveNothingBehind() async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.parallel, heads: 3))
        var limits = BatchEngine.Limits()
        limits.reusesPrefixes = false
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer(), limits: limits)
        let request = GenerationRequest(
            prompt: prompt("for i"), maximumTokens: 80, heads: 3, sampler: Sampler(temperature: 1, seed: 3))
        // The completion that runs the prompt for the others is cancelled at once.
        var streams = try engine.submit(request, completions: 3)
        streams.removeFirst()
        var second = request
        second.sampler.seed = 4
        #expect(try await text(of: streams[0]) == decode(decoder, second).0)
        let task = Task {
            for try await _ in try engine.submit(request) { withUnsafeCurrentTask { $0?.cancel() } }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        streams = []
        while engine.counters.requestsEnded < 4 { await Task.yield() }
        #expect(engine.pagesInUse == 0)
    }

    /// Random requests of all kinds that come and go: every finished text equals that of its request alone, and no page leaks.
    @Test func tenThousandRandomRequestsWithCancellations() async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.parallel, heads: 4))
        var limits = BatchEngine.Limits()
        limits.cacheBytes = 60 * 6 * BlockAllocator(decoder).bytesPerPage
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer(), limits: limits)
        var numbers = Numbers(state: 11)
        var alone: [String: String] = [:]
        for _ in 0..<1000 {
            var batch: [(GenerationStream, GenerationRequest)] = []
            for _ in 0..<10 {
                var request = GenerationRequest(
                    prompt: prompt(
                        String(
                            repeating: starts.randomElement(using: &numbers) ?? "",
                            count: .random(in: 1...3, using: &numbers))),
                    maximumTokens: .random(in: 1...12, using: &numbers), heads: .random(in: 1...4, using: &numbers),
                    sampler: samplers(seed: .random(in: 0...3, using: &numbers)).randomElement(using: &numbers)
                        ?? Sampler())
                guard request.prompt.count < 90 else { continue }
                request.isAdaptive = .random(using: &numbers)
                batch.append((try engine.submit(request), request))
            }
            for (stream, request) in batch {
                if Int.random(in: 0..<4, using: &numbers) == 0 { continue }
                var single = request
                (single.heads, single.isAdaptive) = (1, false)
                let key = "\(single)"
                let expected = try alone[key] ?? decode(decoder, single).0
                alone[key] = expected
                #expect(try await text(of: stream) == expected)
            }
        }
        let last = try engine.submit(GenerationRequest(prompt: prompt("x"), maximumTokens: 1, heads: 1))
        _ = try await text(of: last)
        while engine.isBusy { await Task.yield() }
        #expect(engine.pagesInUse <= 60 * 6)
        engine.clearPrefixCache()
        #expect(engine.pagesInUse == 0)
    }
}
