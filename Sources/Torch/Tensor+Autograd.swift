internal import CTorch

/// Runs `body` with gradient recording disabled on this thread.
///
/// Synchronous because the mode is per thread, and an `await` could resume on another one.
public func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_grad_mode()
    ct_set_grad_mode(false)
    defer { ct_set_grad_mode(before) }
    return try body()
}

extension Tensor {
    /// Whether operations on the tensor are recorded for gradients.
    public var requiresGradient: Bool { call { ct_requires_grad($0) } }

    /// Makes the tensor a leaf whose gradient accumulates in ``gradient``. Traps for integer tensors.
    @discardableResult
    public func requireGradient(_ value: Bool = true, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        check(call { ct_set_requires_grad($0, value) }, file, line)
        return self
    }

    /// A view of the same elements, detached from the autograd graph.
    ///
    /// `requiresGradient`: makes the result a leaf with a gradient of its own.
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

    /// Backpropagates: accumulates the gradient with respect to each leaf of this tensor's graph in that leaf's ``gradient``.
    ///
    /// `gradient`: the gradient of the loss with respect to this tensor, of the same shape; nil for a scalar loss.
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

    /// Like ``backward(gradient:file:line:)``, and calls `ready` with the index of each leaf as soon as its gradient is final,
    /// while the backward pass continues; on the CPU on this thread. Not called for leaves outside this tensor's graph.
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
