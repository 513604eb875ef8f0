import ForetokenPlatform

extension Error {
    /// The system's message for a failed file operation ("No space left on device"); Foundation's errors have only a domain and
    /// a code.
    package var systemReason: String {
        if let error = self as? FileFailure { return error.reason }
        if let error = self as? POSIXError { return String(cString: strerror(error.code.rawValue)) }
        if let error = self as? CocoaError, let underlying = error.underlying { return underlying.systemReason }
        // NSError is not visible through FoundationEssentials, but every error has a domain and a code.
        switch _domain {
        case "NSPOSIXErrorDomain": return String(cString: strerror(Int32(clamping: _code)))
        case "NSCocoaErrorDomain": break
        default: return "\(self)"
        }
        return switch CocoaError.Code(rawValue: _code) {
        case .fileNoSuchFile, .fileReadNoSuchFile: String(cString: strerror(ENOENT))
        case .fileReadNoPermission, .fileWriteNoPermission: String(cString: strerror(EACCES))
        case .fileWriteFileExists: String(cString: strerror(EEXIST))
        case .fileWriteOutOfSpace: String(cString: strerror(ENOSPC))
        default: "\(self)"
        }
    }
}
