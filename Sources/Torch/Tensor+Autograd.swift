internal import CTorch

/// Runs `body` without recording operations for gradients on this thread.
///
/// Synchronous on purpose: the mode belongs to the thread, and an `await` could change it.
public func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_grad_mode()
    ct_set_grad_mode(false)
    defer { ct_set_grad_mode(before) }
    return try body()
}

extension Tensor {
    /// Whether operations on the tensor are recorded for gradients.
    public var requiresGradient: Bool { call { ct_requires_grad($0) } }

    /// Makes the tensor a leaf whose gradient accumulates in ``gradient``. Traps for integers.
    @discardableResult
    public func requireGradient(_ value: Bool = true, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        check(call { ct_set_requires_grad($0, value) }, file, line)
        return self
    }

    /// The same elements, cut off from the recording: gradients stop here.
    ///
    /// `requiresGradient`: makes the result a leaf that collects its own gradient.
    public func detached(requiresGradient: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let result = checked(call { ct_detach($0) }, file, line)
        return requiresGradient ? result.requireGradient(file: file, line: line) : result
    }

    /// The gradient accumulated so far in a leaf, nil before the first backward pass; setting nil frees it.
    public var gradient: Tensor? {
        get { call { ct_grad($0) }.map { Tensor(owning: $0) } }
        set {
            if let newValue {
                check(newValue.call { value in call { ct_set_grad($0, value) } }, #fileID, #line)
            } else {
                check(call { ct_set_grad($0, nil) }, #fileID, #line)
            }
        }
    }

    /// Adds the gradient of this tensor with respect to every leaf it was made from to that leaf's ``gradient``.
    ///
    /// `gradient`: the gradient of the loss with respect to this tensor, of its shape; nil for a scalar loss.
    /// - Throws: ``TorchError/outOfMemory(_:)``.
    public func backward(
        gradient: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
    ) throws(TorchError) {
        if let gradient {
            try throwing(gradient.call { seed in call { ct_backward($0, seed) } }, file, line)
        } else {
            try throwing(call { ct_backward($0, nil) }, file, line)
        }
    }

    /// As ``backward(gradient:file:line:)``, and calls `ready` with the index of each leaf as soon as its gradient is final,
    /// while the pass goes on; on the CPU on this thread. Leaves that the tensor was not made from are not told.
    ///
    /// - Throws: ``TorchError/outOfMemory(_:)``.
    public func backward(
        gradient: Tensor?, leaves: [Tensor], file: StaticString = #fileID, line: UInt = #line, ready: (Int) -> Void
    ) throws(TorchError) {
        let status = withoutActuallyEscaping(ready) { ready in
            let box = Unmanaged.passRetained(LeafCallback(ready))
            defer { box.release() }
            return withHandles(leaves) { list, count in
                func run(_ seed: ct_tensor?) -> Int32 {
                    call {
                        ct_backward_notifying(
                            $0, seed, list, count,
                            { context, index in
                                guard let context else { return }
                                Unmanaged<LeafCallback>.fromOpaque(context).takeUnretainedValue().ready(Int(index))
                            }, box.toOpaque())
                    }
                }
                return gradient.map { $0.call(run) } ?? run(nil)
            }
        }
        try throwing(status, file, line)
    }
}

private final class LeafCallback {
    let ready: (Int) -> Void
    init(_ ready: @escaping (Int) -> Void) { self.ready = ready }
}
