// What the sanitizers cannot know about libraries that were built without them.

// cpprestsdk's threads live as long as the process, and so does what OpenSSL keeps for each.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libcrypto.so\n"; }
