import ForetokenModel
public import ForetokenText
public import Torch

/// Decodes many requests side by side: they join and leave at any step, and every text is what its request alone would give.
///
/// The cache is bounded: a request that can never fit is refused, one that does not fit now waits its turn. A request whose
/// consumer is slow is held back and does not hold up the others. Ended texts stay in the cache, as long as there is room,
/// for prompts that begin like them.
@TorchActor
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
    public private(set) var counters = Counters()

    private let tokenizer: any Tokenizer
    private let engine: DecodeEngine
    private let prefixes = PrefixStore()
    private let mostPages: Int
    private var reservedPages = 0
    private var waiting: [Ticket] = []
    private var running: [Ticket] = []
    private var isLooping = false

    /// An engine without requests.
    public init(_ model: DecodeModel, tokenizer: any Tokenizer = ByteTokenizer(), limits: Limits = Limits()) {
        self.model = model
        self.tokenizer = tokenizer
        self.limits = limits
        engine = DecodeEngine(model)
        mostPages = limits.cacheBytes / engine.pool.bytesPerPage
    }

    /// Queues a request.
    ///
    /// - Throws: ``DecodingError``, for a request without sense or one that can never fit the cache.
    public func submit(_ request: GenerationRequest) throws -> GenerationStream {
        let ticket = try Ticket(request, pages: pages(for: request))
        enqueue([ticket])
        return GenerationStream(ticket: ticket, engine: self)
    }

    /// Queues a request `samples` times, with seeds `seed`, `seed` + 1, …; the prompt is run through the model once.
    ///
    /// - Throws: as ``submit(_:)``.
    public func submit(_ request: GenerationRequest, samples: Int) throws -> [GenerationStream] {
        guard samples > 1 else { return [try submit(request)] }
        let tickets = try (0..<samples).map { index in
            var own = request
            own.sampler.seed &+= UInt64(index)
            return try Ticket(own, pages: pages(for: own))
        }
        tickets[0].followers = Array(tickets.dropFirst())
        for follower in tickets.dropFirst() { follower.leader = tickets[0] }
        enqueue(tickets)
        return tickets.map { GenerationStream(ticket: $0, engine: self) }
    }

    /// Whether requests run or wait.
    public var isBusy: Bool { !running.isEmpty || !waiting.isEmpty }

    /// Frees the cache of ended texts.
    public func dropPrefixes() {
        while prefixes.dropOldest() {}
    }

    /// Pages of cache in use, by requests and kept prefixes.
    var pagesInUse: Int { engine.pool.pagesInUse }

    private func pages(for request: GenerationRequest) throws -> Int {
        try request.validate(for: model)
        let slots = request.mostSlots(context: model.configuration.context)
        let pages =
            (slots + CachePool.slotsPerPage - 1) / CachePool.slotsPerPage * model.cachedLayers(heads: request.heads)
        guard pages <= mostPages else {
            throw DecodingError.cacheTooSmall(
                needed: pages * engine.pool.bytesPerPage, available: limits.cacheBytes)
        }
        return pages
    }

    private func enqueue(_ tickets: [Ticket]) {
        waiting += tickets
        wake()
    }

    private func wake() {
        guard !isLooping else { return }
        isLooping = true
        Task { await loop() }
    }

    /// Steps until there is nothing to do; every wait in between lets submissions, consumers and cancellations in.
    private func loop() async {
        while true {
            admit()
            let ready = running.filter { $0.blocks.count < limits.blocksAhead }
            guard !ready.isEmpty else { break }
            step(ready)
            // Whoever came first in this step comes last in the next: long prompts share the rows for prompts in turn.
            if running.count > 1 { running.append(running.removeFirst()) }
            await Task.yield()
        }
        isLooping = false
    }

    private func step(_ tickets: [Ticket]) {
        do {
            try engine.step(tickets.compactMap(\.sequence))
            counters.passes += 1
        } catch {
            for ticket in tickets { ticket.sequence?.failure = error }
        }
        for ticket in tickets {
            guard let sequence = ticket.sequence else { continue }
            let pieces = sequence.takePieces()
            if !pieces.isEmpty { ticket.give(pieces) }
            if sequence.isReadyToFork { release(ticket.followers, from: sequence) }
            if sequence.isFinished { end(ticket) }
        }
    }

    /// Starts waiting requests in their order while sequences and pages are left.
    private func admit() {
        while let next = waiting.first {
            if let leader = next.leader, leader.sequence?.isPrefilling ?? true, !leader.isEnded { break }
            guard running.count < limits.sequences else { break }
            while reservedPages + prefixes.pages + next.pages > mostPages, prefixes.dropOldest() {}
            guard reservedPages + next.pages <= mostPages else { break }
            waiting.removeFirst()
            start(next)
        }
    }

    private func start(_ ticket: Ticket) {
        do {
            if let fork = ticket.fork {
                ticket.sequence = fork
            } else if limits.reusesPrefixes, let known = prefixes.longest(ticket.request) {
                let (sequence, length) = known
                ticket.sequence = try DecodingSequence(
                    model, forking: sequence, ticket.request, length: length)
                counters.reusedPromptTokens += length
            } else {
                ticket.sequence = try DecodingSequence(model, ticket.request, tokenizer: tokenizer, pool: engine.pool)
            }
            ticket.sequence?.waitsToFork = !ticket.followers.isEmpty
            ticket.fork = nil
            reservedPages += ticket.pages
            running.append(ticket)
        } catch {
            ticket.end(error)
            counters.requestsEnded += 1
        }
    }

    /// The prompt is in the cache but for its last token: every other sample goes on from here.
    private func release(_ followers: [Ticket], from sequence: DecodingSequence) {
        sequence.waitsToFork = false
        for follower in followers where !follower.isEnded {
            follower.leader = nil
            do {
                follower.fork = try DecodingSequence(
                    model, forking: sequence, follower.request, length: sequence.committed)
            } catch {
                follower.end(error)
                waiting.removeAll { $0 === follower }
            }
        }
    }

    private func end(_ ticket: Ticket) {
        guard let sequence = ticket.sequence, !ticket.isEnded else { return }
        reservedPages -= ticket.pages
        running.removeAll { $0 === ticket }
        count(sequence.statistics)
        ticket.statistics = sequence.statistics
        ticket.end(sequence.failure)
        for follower in ticket.followers { follower.leader = nil }
        ticket.sequence = nil
        if limits.reusesPrefixes, sequence.failure == nil { prefixes.keep(sequence, pages: ticket.pages) }
    }

    private func count(_ statistics: GenerationStatistics) {
        counters.requestsEnded += 1
        counters.drafts += statistics.drafts
    }

    /// The next block of a request's text; nil after its end.
    func next(_ ticket: Ticket) async throws -> [TextPiece]? {
        if let block = ticket.take() {
            wake()
            return block
        }
        if ticket.isEnded {
            if let failure = ticket.failure { throw failure }
            return nil
        }
        wake()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { ticket.consumer = $0 }
        } onCancel: {
            Task { await cancel(ticket) }
        }
    }

    /// Ends a request whose consumer is gone.
    func cancel(_ ticket: Ticket) {
        guard !ticket.isEnded else { return }
        ticket.blocks = []
        waiting.removeAll { $0 === ticket }
        if let sequence = ticket.sequence {
            if sequence.waitsToFork {
                // The others need its prompt: the first of them takes its place.
                handOver(ticket)
            }
            sequence.failure = CancellationError()
            end(ticket)
        } else {
            if !ticket.followers.isEmpty { handOver(ticket) }
            ticket.end(CancellationError())
            counters.requestsEnded += 1
        }
        wake()
    }

    private func handOver(_ ticket: Ticket) {
        let others = ticket.followers.filter { !$0.isEnded }
        ticket.followers = []
        guard let first = others.first else { return }
        first.leader = nil
        first.followers = Array(others.dropFirst())
        for other in first.followers { other.leader = first }
    }
}

extension DecodeModel {
    /// Layers of keys and values of a sequence that uses so many heads.
    func cachedLayers(heads count: Int) -> Int {
        decidingBlocks + heads[1..<max(1, count)].count { $0.isBlock && !decidingHeads.contains($0.node.head) }
    }
}
