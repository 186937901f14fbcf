"""A Django application with Nexus's API: patients, appointments, documents and images, on tables it does not make."""
