public import ForetokenFiles
import ForetokenModel
public import ForetokenText

/// Decodes many requests side by side: they join and leave at any step, and every text is what its request alone would give.
///
/// The cache is bounded: a request that can never fit is refused, one that does not fit now waits its turn. A request whose
/// consumer is slow is held back and gives its place in the passes to another; it keeps its cache, so where that leaves no
/// room for a request that somebody waits for, it goes on all the same. Ended texts stay in the cache, as long as there is
/// room, for prompts that begin like them.
@ComputeActor
public final class BatchEngine {
    /// Limits of an engine.
    public struct Limits: Sendable {
        /// Sequences in one forward pass at most.
        public var sequences = 16
        /// Bytes of keys and values, of all requests and kept prefixes together.
        public var cacheBytes = 1 << 30
        /// Blocks of text that wait for a slow consumer before its request is held back.
        public var blocksAhead = 64
        /// Whether ended texts are kept for prompts that begin like them.
        public var reusesPrefixes = true
        /// The defaults.
        public init() {}
    }

    /// What an engine has done, under the names of serving metrics.
    public struct Counters: Sendable, Equatable {
        /// Requests that ended, cancelled ones included.
        public internal(set) var requestsEnded = 0
        /// Forward passes.
        public internal(set) var passes = 0
        /// Tokens of prompts that another text's cache already held.
        public internal(set) var reusedPromptTokens = 0
        /// What became of drafts.
        public internal(set) var drafts = DraftCounts()
    }

    /// The model's weights and shape.
    public nonisolated let model: DecodeModel
    /// The limits.
    public nonisolated let limits: Limits
    /// What was done so far; an ended request's drafts are counted when it ends.
    public var counters: Counters { scheduler.counters }

    private nonisolated let tokenizer: any Tokenizer
    private lazy var scheduler = Scheduler(model, tokenizer: tokenizer, limits: limits)
    private var isLooping = false

    /// An engine without requests.
    public nonisolated init(_ model: DecodeModel, tokenizer: any Tokenizer, limits: Limits = Limits()) {
        self.model = model
        self.limits = limits
        self.tokenizer = tokenizer
    }

    /// Queues a request.
    ///
    /// - Throws: ``DecodingError``, for a request without sense or one that can never fit the cache.
    public func submit(_ request: GenerationRequest) throws -> GenerationStream {
        let scheduled = try ScheduledRequest(request, pages: scheduler.pages(for: request))
        enqueue([scheduled])
        return GenerationStream(scheduled, engine: self)
    }

    /// Queues a request `samples` times, with seeds `seed`, `seed` + 1, …; the prompt is run through the model once, and
    /// its cache stays until the last sample has begun.
    ///
    /// - Throws: as ``submit(_:)``.
    public func submit(_ request: GenerationRequest, samples: Int) throws -> [GenerationStream] {
        guard samples > 1 else { return [try submit(request)] }
        let group = SampleGroup(waiting: samples)
        let scheduled = try (0..<samples).map { index in
            var own = request
            own.sampler.seed &+= UInt64(index)
            return try ScheduledRequest(own, pages: scheduler.pages(for: own), group: group)
        }
        enqueue(scheduled)
        return scheduled.map { GenerationStream($0, engine: self) }
    }

    /// Fails where ``submit(_:)`` would, and queues nothing.
    ///
    /// - Throws: ``DecodingError``.
    public func check(_ request: GenerationRequest) throws { _ = try scheduler.pages(for: request) }

    /// Whether requests run or wait.
    public var isBusy: Bool { scheduler.isBusy }

    /// Frees the cache of ended texts.
    public func dropPrefixes() { scheduler.dropPrefixes() }

    /// Pages of cache in use, by requests and kept prefixes.
    var pagesInUse: Int { scheduler.pagesInUse }

    private func enqueue(_ requests: [ScheduledRequest]) {
        scheduler.enqueue(requests)
        wake()
    }

    private func wake() {
        guard !isLooping else { return }
        isLooping = true
        Task { await loop() }
    }

    /// Steps until there is nothing to do; every wait in between lets submissions, consumers and cancellations in.
    private func loop() async {
        while scheduler.step() { await Task.yield() }
        isLooping = false
    }

    /// The next block of a request's text; nil after its end.
    func next(_ request: ScheduledRequest) async throws -> [TextPiece]? {
        if let block = request.take() {
            wake()
            return block
        }
        if request.isEnded {
            if let failure = request.failure { throw failure }
            return nil
        }
        return try await wait(for: request)
    }

    /// What of a request's text was not taken, once it has ended; it is not held back.
    func rest(of request: ScheduledRequest) async throws -> String {
        if !request.isEnded {
            if request.consumer == nil { request.isCollected = true }
            _ = try await wait(for: request)
        }
        if let failure = request.failure { throw failure }
        defer { request.blocks = [] }
        return request.blocks.joined().map(\.text).joined()
    }

    private func wait(for request: ScheduledRequest) async throws -> [TextPiece]? {
        guard request.consumer == nil else {
            throw DecodingError.invalid("a stream has one consumer at a time, and another one waits for it")
        }
        wake()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { request.consumer = $0 }
        } onCancel: {
            Task { await cancel(request) }
        }
    }

    /// Ends a request whose consumer is gone.
    func cancel(_ request: ScheduledRequest) {
        scheduler.cancel(request)
        wake()
    }
}
