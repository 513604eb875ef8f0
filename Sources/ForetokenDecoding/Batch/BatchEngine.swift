import ForetokenModel
public import ForetokenText
public import Torch

/// Decodes many requests side by side: they join and leave at any step, and every text is what its request alone would give.
///
/// The cache is bounded: a request that can never fit is refused, one that does not fit now waits its turn. A request whose
/// consumer is slow is held back and gives its place in the passes to another; it keeps its cache, so where that leaves no
/// room for a request that somebody waits for, it goes on all the same. Ended texts stay in the cache, as long as there is
/// room, for prompts that begin like them.
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

    /// Queues a request `samples` times, with seeds `seed`, `seed` + 1, …; the prompt is run through the model once, and
    /// its cache stays until the last sample has begun.
    ///
    /// - Throws: as ``submit(_:)``.
    public func submit(_ request: GenerationRequest, samples: Int) throws -> [GenerationStream] {
        guard samples > 1 else { return [try submit(request)] }
        let group = SampleGroup(waiting: samples)
        let tickets = try (0..<samples).map { index in
            var own = request
            own.sampler.seed &+= UInt64(index)
            return try Ticket(own, pages: pages(for: own), group: group)
        }
        enqueue(tickets)
        return tickets.map { GenerationStream(ticket: $0, engine: self) }
    }

    /// Fails where ``submit(_:)`` would, and queues nothing.
    ///
    /// - Throws: ``DecodingError``.
    public func check(_ request: GenerationRequest) throws { _ = try pages(for: request) }

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
            let pass = nextPass()
            guard !pass.isEmpty else { break }
            step(pass)
            // Whoever came first in this step comes last in the next: long prompts share the rows for prompts in turn.
            if running.count > 1 { running.append(running.removeFirst()) }
            await Task.yield()
        }
        isLooping = false
    }

    private func isHeldBack(_ ticket: Ticket) -> Bool {
        !ticket.isCollected && ticket.blocks.count >= limits.blocksAhead
    }

    /// The requests of the next pass. If all are held back while somebody waits for one that found no room in the cache,
    /// those that hold the room go on until they leave it.
    private func nextPass() -> [Ticket] {
        let ready = running.filter { !isHeldBack($0) }
        let isStuck = ready.isEmpty && waiting.contains { $0.consumer != nil || $0.isCollected }
        return Array((isStuck ? running : ready).prefix(limits.sequences))
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
            if sequence.isReadyToFork {
                sequence.waitsToFork = false
                if let group = ticket.group, group.waiting > 0 { group.prompt = (sequence, sequence.committed) }
            }
            if sequence.isFinished { end(ticket) }
        }
    }

    /// Starts waiting requests in their order while sequences and pages are left.
    private func admit() {
        while let next = waiting.first, running.count(where: { !isHeldBack($0) }) < limits.sequences {
            // Another sample runs the prompt just now.
            if let group = next.group, group.leader != nil, group.prompt == nil { return }
            guard reservedPages + next.pages <= mostPages else {
                // Nothing but the prompt of its own group can be in the way: it runs once more.
                guard running.isEmpty, let group = next.group, group.heldPages > 0 else { return }
                dropPrompt(of: group)
                continue
            }
            // Looked up before room is made: the oldest text may be the one.
            let known = limits.reusesPrefixes && next.group?.prompt == nil ? prefixes.longest(next.request) : nil
            while reservedPages + prefixes.pages + next.pages > mostPages, prefixes.dropOldest() {}
            waiting.removeFirst()
            start(next, known)
        }
    }

    private func start(_ ticket: Ticket, _ known: (sequence: DecodingSequence, length: Int)?) {
        let group = ticket.group
        do {
            if let (sequence, length) = group?.prompt ?? known {
                ticket.sequence = try DecodingSequence(model, forking: sequence, ticket.request, length: length)
                if group?.prompt == nil { counters.reusedPromptTokens += length }
            } else {
                ticket.sequence = try DecodingSequence(model, ticket.request, tokenizer: tokenizer, pool: engine.pool)
            }
            if let group, group.prompt == nil, group.waiting > 1 {
                group.leader = ticket
                ticket.sequence?.waitsToFork = true
            }
            reservedPages += ticket.pages
            running.append(ticket)
        } catch {
            ticket.end(error)
            counters.requestsEnded += 1
        }
        leave(group)
    }

    /// One sample less waits for its group's prompt.
    private func leave(_ group: SampleGroup?) {
        guard let group else { return }
        group.waiting -= 1
        if group.waiting == 0 { dropPrompt(of: group) }
    }

    /// Gives up the prompt that a group's samples fork from.
    private func dropPrompt(of group: SampleGroup) {
        if let (sequence, _) = group.prompt, group.heldPages > 0 { keep(sequence, pages: group.heldPages) }
        reservedPages -= group.heldPages
        (group.heldPages, group.prompt, group.leader) = (0, nil, nil)
    }

    /// Keeps an ended text for prompts that begin like it.
    private func keep(_ sequence: DecodingSequence, pages: Int) {
        if limits.reusesPrefixes, sequence.failure == nil { prefixes.keep(sequence, pages: pages) }
    }

    private func end(_ ticket: Ticket) {
        guard let sequence = ticket.sequence, !ticket.isEnded else { return }
        running.removeAll { $0 === ticket }
        count(sequence.statistics)
        ticket.statistics = sequence.statistics
        ticket.end(sequence.failure)
        ticket.sequence = nil
        if let group = ticket.group, group.leader === ticket {
            if group.prompt != nil {
                // The other samples need it still, and it goes on to count.
                group.heldPages = ticket.pages
                return
            }
            group.leader = nil
        }
        reservedPages -= ticket.pages
        keep(sequence, pages: ticket.pages)
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
        return try await wait(for: ticket)
    }

    /// What of a request's text was not taken, once it has ended; it is not held back.
    func rest(of ticket: Ticket) async throws -> String {
        if !ticket.isEnded {
            if ticket.consumer == nil { ticket.isCollected = true }
            _ = try await wait(for: ticket)
        }
        if let failure = ticket.failure { throw failure }
        defer { ticket.blocks = [] }
        return ticket.blocks.joined().map(\.text).joined()
    }

    private func wait(for ticket: Ticket) async throws -> [TextPiece]? {
        guard ticket.consumer == nil else {
            throw DecodingError.invalid("a stream has one consumer at a time, and another one waits for it")
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
        if let sequence = ticket.sequence {
            sequence.failure = CancellationError()
            end(ticket)
        } else {
            waiting.removeAll { $0 === ticket }
            ticket.end(CancellationError())
            counters.requestsEnded += 1
            leave(ticket.group)
        }
        wake()
    }
}

extension DecodeModel {
    /// Layers of keys and values of a sequence that uses so many heads.
    func cachedLayers(heads count: Int) -> Int {
        decidingBlocks + heads[1..<max(1, count)].count { $0.isBlock && !decidingHeads.contains($0.node.head) }
    }
}
