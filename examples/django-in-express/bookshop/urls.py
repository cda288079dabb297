from django.contrib import admin
from django.urls import path

# Express has mounted us at /backoffice, and the admin is all there is.
urlpatterns = [path("", admin.site.urls)]
