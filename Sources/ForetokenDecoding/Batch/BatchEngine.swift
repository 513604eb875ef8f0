public import ForetokenFiles
import ForetokenModel
public import ForetokenText

/// Decodes many requests with continuous batching: they join and leave the batch at any step, and every request gets the text
/// it would get alone.
///
/// The cache is bounded: a request that can never fit is refused, one that does not fit yet waits. A request with a slow
/// consumer is paused, and another takes its place in the batch. A paused request keeps its cache; if that blocks a request
/// whose consumer is waiting, the paused one resumes. Finished sequences stay in the prefix cache while there is room, for
/// later prompts that share a prefix with them.
@ComputeActor
public final class BatchEngine {
    /// Limits of an engine.
    public struct Limits: Sendable {
        /// Maximum number of sequences in one forward pass.
        public var sequences = 16
        /// Maximum bytes of keys and values, of all requests and the prefix cache together.
        public var cacheBytes = 1 << 30
        /// Blocks of text that may wait for a slow consumer before its request is paused.
        public var blocksAhead = 64
        /// Whether finished sequences are kept in the prefix cache.
        public var reusesPrefixes = true
        /// Creates the default limits.
        public init() {}
    }

    /// Counters for serving metrics.
    public struct Counters: Sendable, Equatable {
        /// Requests that ended, cancelled ones included.
        public internal(set) var requestsEnded = 0
        /// Forward passes.
        public internal(set) var passes = 0
        /// Sequences in all forward passes.
        public internal(set) var passSequences = 0
        /// Prompt tokens found in the prefix cache.
        public internal(set) var reusedPromptTokens = 0
        /// Drafts proposed and accepted.
        public internal(set) var drafts = DraftCounts()
    }

    /// The model's weights and shape.
    public nonisolated let model: DecodeModel
    /// The limits.
    public nonisolated let limits: Limits
    /// The counters so far; a request's drafts are counted when it ends.
    public var counters: Counters { scheduler.counters }

    private nonisolated let tokenizer: any Tokenizer
    private lazy var scheduler = Scheduler(model, tokenizer: tokenizer, limits: limits)
    private var isLooping = false

    /// Creates an engine without requests.
    public nonisolated init(_ model: DecodeModel, tokenizer: any Tokenizer, limits: Limits = Limits()) {
        self.model = model
        self.limits = limits
        self.tokenizer = tokenizer
    }

    /// Queues a request.
    ///
    /// - Throws: ``DecodingError``, for an invalid request or one that can never fit the cache.
    public func submit(_ request: GenerationRequest) throws -> GenerationStream {
        let scheduled = try ScheduledRequest(request, pages: scheduler.pages(for: request))
        enqueue([scheduled])
        return GenerationStream(scheduled, engine: self)
    }

    /// Queues several completions of a request's prompt, with seeds `seed`, `seed` + 1, …. The prompt runs through the model
    /// once; its cache is kept until the last completion has started.
    ///
    /// - Throws: as ``submit(_:)``.
    public func submit(_ request: GenerationRequest, completions: Int) throws -> [GenerationStream] {
        guard completions > 1 else { return [try submit(request)] }
        let group = CompletionGroup(waiting: completions)
        let scheduled = try (0..<completions).map { index in
            var completion = request
            completion.sampler.seed &+= UInt64(index)
            return try ScheduledRequest(completion, pages: scheduler.pages(for: completion), group: group)
        }
        enqueue(scheduled)
        return scheduled.map { GenerationStream($0, engine: self) }
    }

    /// Validates a request as ``submit(_:)`` does, without queueing it.
    ///
    /// - Throws: ``DecodingError``.
    public func check(_ request: GenerationRequest) throws { _ = try scheduler.pages(for: request) }

    /// What an engine is doing at a moment.
    public struct Activity: Sendable {
        /// The running requests with their statistics so far.
        public let running: [(request: GenerationRequest, statistics: GenerationStatistics)]
        /// The number of waiting requests.
        public let waiting: Int
        /// Bytes of keys and values in use, by requests and the prefix cache.
        public let cacheBytes: Int
    }

    /// What runs and waits now.
    public var activity: Activity { scheduler.activity }

    /// Whether any request is running or waiting.
    public var isBusy: Bool { scheduler.isBusy }

    /// Empties the prefix cache.
    public func clearPrefixCache() { scheduler.clearPrefixCache() }

    /// Cache pages in use, by requests and the prefix cache.
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

    /// Steps until there is nothing to run; yields in between, so that submissions, consumers and cancellations get a turn.
    private func loop() async {
        while scheduler.step() { await Task.yield() }
        isLooping = false
    }

    /// Returns the next block of a request's text; nil after its end.
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

    /// Waits for a request's end and returns the text its consumer has not taken yet; the request is never paused meanwhile.
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
            throw DecodingError.invalid("the stream already has a waiting consumer; read it from one task at a time")
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
