"""What the tests share: servers, documents, clients, programs."""
