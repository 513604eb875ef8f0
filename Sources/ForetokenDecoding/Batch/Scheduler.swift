import ForetokenFiles
import ForetokenModel
import ForetokenText

/// Chooses the requests of each pass: they wait in order of arrival until the cache has room, join and leave at any pass, and
/// take turns. It knows nothing of tasks: ``BatchEngine`` steps it and resumes the consumers.
@ComputeActor
final class Scheduler {
    let model: DecodeModel
    let limits: BatchEngine.Limits
    private(set) var counters = BatchEngine.Counters()

    private let tokenizer: any Tokenizer
    private let engine: DecodeEngine
    private let prefixes = PrefixCache()
    private let maximumPages: Int
    private var reservedPages = 0
    private var waiting: [ScheduledRequest] = []
    private var running: [ScheduledRequest] = []

    init(_ model: DecodeModel, tokenizer: any Tokenizer, limits: BatchEngine.Limits) {
        self.model = model
        self.tokenizer = tokenizer
        self.limits = limits
        engine = DecodeEngine(model)
        maximumPages = limits.cacheBytes / engine.allocator.bytesPerPage
    }

    var isBusy: Bool { !running.isEmpty || !waiting.isEmpty }

    /// Cache pages in use, by requests and the prefix cache.
    var pagesInUse: Int { engine.allocator.pagesInUse }

    /// What runs and waits now.
    var activity: BatchEngine.Activity {
        let running = running.compactMap { request in
            request.sequence.map { (request: request.request, statistics: $0.statistics) }
        }
        return BatchEngine.Activity(
            running: running, waiting: waiting.count, cacheBytes: pagesInUse * engine.allocator.bytesPerPage)
    }

    func clearPrefixCache() {
        while prefixes.evictOldest() {}
    }

    func enqueue(_ requests: [ScheduledRequest]) { waiting += requests }

    /// Maximum number of cache pages that a request can use.
    ///
    /// - Throws: ``DecodingError`` for an invalid request, or one that can never fit the cache.
    func pages(for request: GenerationRequest) throws -> Int {
        guard limits.sequences >= 1, limits.blocksAhead >= 1 else {
            throw DecodingError.invalid(
                "Limits.sequences is \(limits.sequences) and Limits.blocksAhead \(limits.blocksAhead): both must be at least 1"
            )
        }
        try request.validate(for: model)
        let slots = request.maximumSlots(contextLength: model.configuration.contextLength)
        let pages =
            (slots + BlockAllocator.slotsPerPage - 1) / BlockAllocator.slotsPerPage
            * model.cachedLayers(heads: request.heads)
        guard pages <= maximumPages else {
            throw DecodingError.cacheTooSmall(
                needed: pages * engine.allocator.bytesPerPage, available: limits.cacheBytes)
        }
        return pages
    }

    /// Admits waiting requests that fit, and runs one pass.
    ///
    /// - Returns: whether there was anything to run.
    func step() -> Bool {
        admit()
        let pass = nextPass()
        guard !pass.isEmpty else { return false }
        run(pass)
        // Round-robin, so that long prompts take turns using a pass's prompt rows.
        if running.count > 1 { running.append(running.removeFirst()) }
        return true
    }

    private func isPaused(_ request: ScheduledRequest) -> Bool {
        !request.isCollected && request.blocks.count >= limits.blocksAhead
    }

    /// The requests of the next pass. If all running requests are paused while a consumer waits for a request that does not
    /// fit the cache, the paused ones run until they free it.
    private func nextPass() -> [ScheduledRequest] {
        let ready = running.filter { !isPaused($0) }
        let isDeadlocked = ready.isEmpty && waiting.contains { $0.consumer != nil || $0.isCollected }
        return Array((isDeadlocked ? running : ready).prefix(limits.sequences))
    }

    private func run(_ requests: [ScheduledRequest]) {
        do {
            try engine.step(requests.compactMap(\.sequence))
            counters.passes += 1
            counters.passSequences += requests.count
        } catch {
            for request in requests { request.sequence?.failure = error }
        }
        for request in requests {
            guard let sequence = request.sequence else { continue }
            let pieces = sequence.takePieces()
            if !pieces.isEmpty { request.deliver(pieces) }
            if sequence.isReadyToFork {
                sequence.waitsToFork = false
                if let group = request.group, group.waiting > 0 { group.prompt = (sequence, sequence.committed) }
            }
            if sequence.isFinished { end(request) }
        }
    }

    /// Starts waiting requests in order of arrival while the batch and the cache have room.
    private func admit() {
        while let next = waiting.first, running.count(where: { !isPaused($0) }) < limits.sequences {
            // Another completion of the group is still running the prompt.
            if let group = next.group, group.leader != nil, group.prompt == nil { return }
            guard reservedPages + next.pages <= maximumPages else {
                // Only the group's own prompt occupies the cache: it is freed and will run again.
                guard running.isEmpty, let group = next.group, group.heldPages > 0 else { return }
                dropPrompt(of: group)
                continue
            }
            // Looked up before the evictions, which could remove the matching entry.
            let isReusable = limits.reusesPrefixes && !next.request.scoresPrompt && next.group?.prompt == nil
            let match = isReusable ? prefixes.longestMatch(for: next.request) : nil
            while reservedPages + prefixes.pages + next.pages > maximumPages, prefixes.evictOldest() {}
            waiting.removeFirst()
            start(next, match)
        }
    }

    private func start(_ request: ScheduledRequest, _ match: (sequence: DecodingSequence, length: Int)?) {
        let group = request.group
        do {
            if let (sequence, length) = group?.prompt ?? match {
                request.sequence = try DecodingSequence(model, forking: sequence, request.request, length: length)
                if group?.prompt == nil { counters.reusedPromptTokens += length }
            } else {
                request.sequence = try DecodingSequence(
                    model, request.request, tokenizer: tokenizer, allocator: engine.allocator)
            }
            if let group, group.prompt == nil, group.waiting > 1 {
                group.leader = request
                request.sequence?.waitsToFork = true
            }
            request.sequence?.statistics.waitingSeconds = (ContinuousClock().now - request.submitted).inSeconds
            reservedPages += request.pages
            running.append(request)
        } catch {
            request.end(error)
            counters.requestsEnded += 1
        }
        leave(group)
    }

    /// Counts a completion that no longer waits for its group's prompt.
    private func leave(_ group: CompletionGroup?) {
        guard let group else { return }
        group.waiting -= 1
        if group.waiting == 0 { dropPrompt(of: group) }
    }

    /// Releases the prompt that a group's completions fork from.
    private func dropPrompt(of group: CompletionGroup) {
        if let (sequence, _) = group.prompt, group.heldPages > 0 { cachePrefix(sequence, pages: group.heldPages) }
        reservedPages -= group.heldPages
        (group.heldPages, group.prompt, group.leader) = (0, nil, nil)
    }

    /// Adds a finished sequence to the prefix cache.
    private func cachePrefix(_ sequence: DecodingSequence, pages: Int) {
        if limits.reusesPrefixes, sequence.failure == nil { prefixes.insert(sequence, pages: pages) }
    }

    private func end(_ request: ScheduledRequest) {
        guard let sequence = request.sequence, !request.isEnded else { return }
        running.removeAll { $0 === request }
        count(sequence.statistics)
        (request.statistics, request.promptScores) = (sequence.statistics, sequence.promptScores)
        request.end(sequence.failure)
        request.sequence = nil
        if let group = request.group, group.leader === request {
            if group.prompt != nil {
                // The group's other completions still need the prompt, so its pages stay reserved.
                group.heldPages = request.pages
                return
            }
            group.leader = nil
        }
        reservedPages -= request.pages
        cachePrefix(sequence, pages: request.pages)
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
