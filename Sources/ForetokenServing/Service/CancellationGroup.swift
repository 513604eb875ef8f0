import Synchronization

/// Operations that are cancelled together, each with its caller's task, too.
final class CancellationGroup: Sendable {
    private struct State {
        var isCancelled = false
        var next = 0
        var handlers: [Int: @Sendable () -> Void] = [:]
    }
    private let state = Mutex(State())

    /// Whether the group has been cancelled.
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Cancels all operations, and those that come later.
    func cancel() {
        let handlers = state.withLock { state in
            state.isCancelled = true
            defer { state.handlers = [:] }
            return Array(state.handlers.values)
        }
        for handler in handlers { handler() }
    }

    /// Runs an operation as one of the group.
    func run<Result: Sendable, Failure: Error>(
        _ operation: @escaping @Sendable () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let task = Task { () async -> Swift.Result<Result, Failure> in
            do throws(Failure) {
                return .success(try await operation())
            } catch {
                return .failure(error)
            }
        }
        let key = add { task.cancel() }
        defer { remove(key) }
        let result = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        return try result.get()
    }

    /// Calls a handler when the group is cancelled, at once if it has been.
    private func add(_ handler: @escaping @Sendable () -> Void) -> Int {
        let (key, isCancelled) = state.withLock { state in
            state.next += 1
            if !state.isCancelled { state.handlers[state.next] = handler }
            return (state.next, state.isCancelled)
        }
        if isCancelled { handler() }
        return key
    }

    private func remove(_ key: Int) { state.withLock { $0.handlers[key] = nil } }
}
