# Two commands: `make demo` shows a swapped clip, `make test` proves the rest. Both install what is missing (Debian).

CARGO  ?= cargo
OUT    ?= demo-out
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PREFIX ?= /usr/local

PACKAGES = build-essential pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-tools \
           gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
           gstreamer1.0-libav gstreamer1.0-x mesa-vulkan-drivers

MEDIA   = examples/media
BIN     = target/release/alphaswap
PLUGINS = $(shell pkg-config --variable=pluginsdir gstreamer-1.0)
# The system's folders are root's, a package's folder is not.
AS_OWNER = $(if $(DESTDIR),,$(SUDO))

.PHONY: demo test deps install uninstall clean

deps:
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing: $$missing"; \
		$(SUDO) apt-get update && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y --no-install-recommends $$missing; \
	fi

demo: deps
	$(CARGO) build --release --locked --workspace
	mkdir -p $(OUT)
	$(BIN) enroll $(MEDIA)/kai.jpg -o $(OUT)/kai.alphaface --name Kai \
		--consent "AI-generated portrait, nobody's face; free for every use (CC0)" --overwrite
	$(BIN) swap $(MEDIA)/scenes.mp4 $(OUT)/swapped.mp4 --source $(OUT)/kai.alphaface \
		--contact-sheet $(OUT)/contact-sheet.png --overwrite
	@echo "look at $(OUT)/swapped.mp4 and $(OUT)/contact-sheet.png"

test: deps
	$(CARGO) test --locked --workspace --features train --lib --bins --tests

install: deps
	$(CARGO) build --release --locked --workspace
	$(AS_OWNER) install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/alphaswap
	$(AS_OWNER) install -D -m 755 target/release/libgstalphaswap.so $(DESTDIR)$(PLUGINS)/libgstalphaswap.so

uninstall:
	$(AS_OWNER) rm -f $(DESTDIR)$(PREFIX)/bin/alphaswap $(DESTDIR)$(PLUGINS)/libgstalphaswap.so

clean:
	$(CARGO) clean
	rm -rf $(OUT)
