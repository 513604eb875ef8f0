import ForetokenFiles
import ForetokenModel
import ForetokenText

/// Which requests run in the next pass: they wait in order of arrival until the cache has room, join and leave at any pass, and take
/// turns. It knows nothing of tasks: ``BatchEngine`` steps it and hands texts to their consumers.
@ComputeActor
final class Scheduler {
    let model: DecodeModel
    let limits: BatchEngine.Limits
    private(set) var counters = BatchEngine.Counters()

    private let tokenizer: any Tokenizer
    private let engine: DecodeEngine
    private let prefixes = PrefixCache()
    private let mostPages: Int
    private var reservedPages = 0
    private var waiting: [ScheduledRequest] = []
    private var running: [ScheduledRequest] = []

    init(_ model: DecodeModel, tokenizer: any Tokenizer, limits: BatchEngine.Limits) {
        self.model = model
        self.tokenizer = tokenizer
        self.limits = limits
        engine = DecodeEngine(model)
        mostPages = limits.cacheBytes / engine.pool.bytesPerPage
    }

    var isBusy: Bool { !running.isEmpty || !waiting.isEmpty }

    /// Pages of cache in use, by requests and kept prefixes.
    var pagesInUse: Int { engine.pool.pagesInUse }

    func dropPrefixes() {
        while prefixes.dropOldest() {}
    }

    func enqueue(_ requests: [ScheduledRequest]) { waiting += requests }

    /// Pages of cache that a request can come to use.
    ///
    /// - Throws: ``DecodingError`` for a request without sense, or one that can never run.
    func pages(for request: GenerationRequest) throws -> Int {
        guard limits.sequences >= 1, limits.blocksAhead >= 1 else {
            throw DecodingError.invalid(
                "Limits.sequences is \(limits.sequences) and Limits.blocksAhead \(limits.blocksAhead): both must be at least 1"
            )
        }
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

    /// Admits requests that found room, and runs one pass.
    ///
    /// - Returns: whether there was something to run.
    func step() -> Bool {
        admit()
        let pass = nextPass()
        guard !pass.isEmpty else { return false }
        run(pass)
        // Whoever came first in this step comes last in the next: long prompts share the rows for prompts in turn.
        if running.count > 1 { running.append(running.removeFirst()) }
        return true
    }

    private func isHeldBack(_ request: ScheduledRequest) -> Bool {
        !request.isCollected && request.blocks.count >= limits.blocksAhead
    }

    /// The requests of the next pass. If all are held back while somebody waits for one that found no room in the cache,
    /// those that hold the room go on until they leave it.
    private func nextPass() -> [ScheduledRequest] {
        let ready = running.filter { !isHeldBack($0) }
        let isStuck = ready.isEmpty && waiting.contains { $0.consumer != nil || $0.isCollected }
        return Array((isStuck ? running : ready).prefix(limits.sequences))
    }

    private func run(_ requests: [ScheduledRequest]) {
        do {
            try engine.step(requests.compactMap(\.sequence))
            counters.passes += 1
        } catch {
            for request in requests { request.sequence?.failure = error }
        }
        for request in requests {
            guard let sequence = request.sequence else { continue }
            let pieces = sequence.takePieces()
            if !pieces.isEmpty { request.give(pieces) }
            if sequence.isReadyToFork {
                sequence.waitsToFork = false
                if let group = request.group, group.waiting > 0 { group.prompt = (sequence, sequence.committed) }
            }
            if sequence.isFinished { end(request) }
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

    private func start(_ request: ScheduledRequest, _ known: (sequence: DecodingSequence, length: Int)?) {
        let group = request.group
        do {
            if let (sequence, length) = group?.prompt ?? known {
                request.sequence = try DecodingSequence(model, forking: sequence, request.request, length: length)
                if group?.prompt == nil { counters.reusedPromptTokens += length }
            } else {
                request.sequence = try DecodingSequence(model, request.request, tokenizer: tokenizer, pool: engine.pool)
            }
            if let group, group.prompt == nil, group.waiting > 1 {
                group.leader = request
                request.sequence?.waitsToFork = true
            }
            reservedPages += request.pages
            running.append(request)
        } catch {
            request.end(error)
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

    private func end(_ request: ScheduledRequest) {
        guard let sequence = request.sequence, !request.isEnded else { return }
        running.removeAll { $0 === request }
        count(sequence.statistics)
        request.statistics = sequence.statistics
        request.end(sequence.failure)
        request.sequence = nil
        if let group = request.group, group.leader === request {
            if group.prompt != nil {
                // The other samples need it still, and it goes on to count.
                group.heldPages = request.pages
                return
            }
            group.leader = nil
        }
        reservedPages -= request.pages
        keep(sequence, pages: request.pages)
    }

    private func count(_ statistics: GenerationStatistics) {
        counters.requestsEnded += 1
        counters.drafts += statistics.drafts
    }

    /// Ends a request whose consumer is gone.
    func cancel(_ request: ScheduledRequest) {
        guard !request.isEnded else { return }
        request.blocks = []
        if let sequence = request.sequence {
            sequence.failure = CancellationError()
            end(request)
        } else {
            waiting.removeAll { $0 === request }
            request.end(CancellationError())
            counters.requestsEnded += 1
            leave(request.group)
        }
    }
}
