internal import CTorch

/// c10d's TCPStore: a key-value store served by one process, through which ranks find each other.
///
/// Can be used from any thread; calls on one connection are serialised.
public final class RendezvousStore: @unchecked Sendable {
    // @unchecked: c10d locks the connection in every call.
    private let handle: ct_store

    /// Serves the store on a port (0: any free port), or connects to it, retrying until the timeout.
    ///
    /// - Throws: ``TorchError/failed(_:)``.
    public init(host: String, port: UInt16, serving: Bool, timeout: Duration) throws(TorchError) {
        LibTorch.initialized
        guard let handle = ct_store_open(host, port, serving, timeout.milliseconds) else {
            throw .failed(lastMessage())
        }
        self.handle = handle
    }

    deinit { ct_store_release(handle) }

    /// The port on which the store is served.
    public var port: UInt16 { withExtendedLifetime(self) { ct_store_port(handle) } }

    /// Sets a value.
    ///
    /// - Throws: ``TorchError/failed(_:)`` if the server is lost, as all calls do.
    public func set(_ key: String, _ text: String) throws(TorchError) {
        let bytes = Array(text.utf8)
        try require(ct_store_set(handle, key, bytes, bytes.count))
    }

    /// Waits for a value and returns at most its first 64 KiB.
    public func get(_ key: String) throws(TorchError) -> String {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var count = 0
        try require(ct_store_get(handle, key, &bytes, bytes.count, &count))
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Adds to a counter, which starts at 0, and returns its new value.
    @discardableResult
    public func add(_ amount: Int, to key: String) throws(TorchError) -> Int {
        var value: Int64 = 0
        try require(ct_store_add(handle, key, Int64(amount), &value))
        return Int(value)
    }

    /// Whether the key has a value.
    public func has(_ key: String) throws(TorchError) -> Bool {
        var found = false
        try require(ct_store_has(handle, key, &found))
        return found
    }

    private func require(_ status: Int32) throws(TorchError) {
        try withExtendedLifetime(self) { () throws(TorchError) in
            if status != CT_OK { throw .failed(lastMessage()) }
        }
    }

    func call<Result>(_ body: (ct_store) -> Result) -> Result { withExtendedLifetime(self) { body(handle) } }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
