"""The web's edge of Ringlab: pages, API, webhooks. It asks the engine's steps and decides nothing itself."""
